// Something that opens below its button and closes by itself: Esc, a click elsewhere, a choice.

import { element } from "./dom.js";

/**
 * Make a button that opens a panel.
 * @param {HTMLButtonElement} button
 * @param {(close: () => void) => Node[]} fill draws the panel each time it opens
 * @param {{label: string, onClose?: () => void}} options label: what the panel is, for those who do not see it
 * @returns {{panel: HTMLElement, open: () => void, close: () => void}}
 */
export function popover(button, fill, { label, onClose = () => {} }) {
  const panel = element("div", { class: "popover", popover: "auto", role: "dialog", "aria-label": label });
  button.setAttribute("aria-haspopup", "dialog");
  button.setAttribute("aria-expanded", "false");
  const isOpen = () => panel.matches(":popover-open");
  let wasOpen = false; // a click on the button closes the panel before the button hears of it
  const open = () => {
    if (isOpen()) return;
    button.after(panel);
    panel.replaceChildren(...fill(() => panel.hidePopover()));
    panel.showPopover();
    place(panel, button);
    panel.querySelector("[autofocus]")?.focus();
  };
  panel.addEventListener("toggle", (event) => {
    button.setAttribute("aria-expanded", String(event.newState === "open"));
    if (event.newState === "closed") {
      onClose();
      panel.remove();
    }
  });
  button.addEventListener("pointerdown", () => (wasOpen = isOpen()));
  button.addEventListener("click", () => {
    if (!wasOpen) open();
    wasOpen = false;
  });
  return { panel, open, close: () => isOpen() && panel.hidePopover() };
}

/**
 * Put a panel below its button, inside the window.
 * @param {HTMLElement} panel
 * @param {Element} button
 */
export function place(panel, button) {
  const at = button.getBoundingClientRect();
  const width = panel.offsetWidth;
  const left = Math.max(8, Math.min(at.left, innerWidth - width - 8));
  const below = at.bottom + 4;
  panel.style.left = `${left}px`;
  panel.style.top = `${Math.max(8, Math.min(below, innerHeight - panel.offsetHeight - 8))}px`;
}
