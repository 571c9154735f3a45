// Light or dark, decided before the first paint, so that nothing flashes.

const KEY = "theme"; // light, dark, or absent: as the system is set

/** Apply what was chosen, and let `globalThis.theme` choose. */
export function startTheme() {
  const apply = (theme) => {
    if (theme) document.documentElement.dataset.theme = theme;
    else delete document.documentElement.dataset.theme;
  };
  apply(localStorage.getItem(KEY));

  globalThis.theme = {
    /** @returns {"light"|"dark"|""} what was chosen; "" is as the system */
    get: () => localStorage.getItem(KEY) || "",
    /** @param {"light"|"dark"|""} theme */
    set: (theme) => {
      if (theme) localStorage.setItem(KEY, theme);
      else localStorage.removeItem(KEY);
      apply(theme);
    },
  };
}
