// The search box: the API's language, with keys and values offered while one types.

import { element, icon } from "../dom.js";
import { candidates } from "./completion.js";

/**
 * Make the box.
 * @param {{onSearch: (q: string) => void, parameters: () => [string, string][]}} told
 *   parameters: the time and search in which values are looked for
 */
export function createSearch({ onSearch, parameters }) {
  const list = element("ul", { class: "offers", id: "offers", role: "listbox", "aria-label": "Suggestions", hidden: true });
  const input = element("input", {
    type: "search", name: "q", autocomplete: "off", spellcheck: "false", autocapitalize: "off", enterkeyhint: "search",
    placeholder: "Search: user, address, id, or status:error -action:Sessions*",
    role: "combobox", "aria-label": "Search", "aria-expanded": "false", "aria-controls": "offers", "aria-autocomplete": "list",
  });
  const form = element("form", { class: "search", role: "search" }, icon("search"), input, element("kbd", { "aria-hidden": "true" }, "/"), list);
  let offers = [];
  let at = -1;
  let turn = 0;

  async function offer() {
    const mine = (turn += 1);
    const found = await candidates(input.value, input.selectionStart ?? input.value.length, parameters());
    if (mine !== turn || document.activeElement !== input) return;
    offers = found;
    at = -1;
    draw();
  }

  function draw() {
    list.hidden = !offers.length;
    input.setAttribute("aria-expanded", String(!list.hidden));
    list.replaceChildren(...offers.map((one, index) => {
      const line = element(
        "li", { id: `offer-${index}`, role: "option", "aria-selected": String(index === at) },
        element("span", { class: "mono" }, one.shown), element("span", { class: "dim" }, one.note),
      );
      // Not click: the box would have lost the focus by then.
      line.addEventListener("pointerdown", (event) => { event.preventDefault(); take(index); });
      return line;
    }));
    if (at >= 0) input.setAttribute("aria-activedescendant", `offer-${at}`);
    else input.removeAttribute("aria-activedescendant");
    list.children[at]?.scrollIntoView({ block: "nearest" });
  }

  function take(index) {
    const { text, caret, isWhole } = offers[index];
    input.value = text;
    input.setSelectionRange(caret, caret);
    if (isWhole) run();
    else offer();
  }

  function fold() {
    turn += 1;
    offers = [];
    draw();
  }

  function run() {
    fold();
    onSearch(input.value.trim());
  }

  form.addEventListener("submit", (event) => { event.preventDefault(); run(); });
  input.addEventListener("input", offer);
  input.addEventListener("focus", offer);
  input.addEventListener("blur", fold);
  input.addEventListener("search", () => { if (!input.value) run(); });
  input.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" && offers.length) at = (at + 1) % offers.length;
    else if (event.key === "ArrowUp" && offers.length) at = (at <= 0 ? offers.length : at) - 1;
    else if ((event.key === "Enter" || event.key === "Tab") && at >= 0) take(at);
    else if (event.key === "Escape") {
      if (list.hidden) input.blur();
      else fold();
    } else return;
    event.preventDefault();
    event.stopPropagation();
    if (event.key.startsWith("Arrow")) draw();
  });

  return {
    element: form,
    focus() {
      input.focus();
      input.select();
    },
    /** @param {string} q */
    draw(q) {
      if (document.activeElement !== input || input.value.trim() !== q) input.value = q;
    },
  };
}
