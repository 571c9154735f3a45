// Saved views: a name for what the URL says, kept in this browser.

import { element, icon } from "../dom.js";
import { popover } from "../popover.js";

const KEY = "views";
const NAME_CHARS_MAX = 60;

/**
 * Make the button.
 * @param {{href: () => string}} told href: the address to keep
 * @returns {HTMLButtonElement}
 */
export function savedViews({ href }) {
  const button = element("button", { type: "button", title: "Saved views" }, icon("star"), element("span", {}, "Views"));
  popover(button, (close) => {
    const box = element("div", { class: "saved" });
    draw(box, href, close);
    return [box];
  }, { label: "Saved views" });
  return button;
}

function draw(box, href, close) {
  const views = load();
  const name = element("input", { type: "text", maxlength: String(NAME_CHARS_MAX), placeholder: "Name of this view", "aria-label": "Name of this view", required: true });
  const save = (event) => {
    event.preventDefault();
    const wanted = name.value.trim();
    if (!wanted) return;
    keep([...views.filter((one) => one.name !== wanted), { name: wanted, href: href() }]);
    draw(box, href, close);
  };
  box.replaceChildren(
    ...(views.length ? [element("ul", {}, ...views.map((view) => line(view, () => draw(box, href, close), close)))] : [element("p", { class: "dim" }, "Keep the time, the search and the columns under a name, in this browser.")]),
    element("form", { class: "inline", onsubmit: save }, name, element("button", { type: "submit" }, "Save")),
  );
}

function line(view, onGone, close) {
  const forget = () => {
    keep(load().filter((one) => one.name !== view.name));
    onGone();
  };
  return element(
    "li", {},
    element("a", { href: view.href, onclick: close }, view.name),
    element("button", { type: "button", class: "quiet icon-only", title: "Forget it", "aria-label": `Forget ${view.name}`, onclick: forget }, icon("close")),
  );
}

function load() {
  try {
    const views = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    // Only addresses of this page: whoever could write here must not lead anybody elsewhere.
    return views.filter((one) => typeof one.name === "string" && /^\/(\?|$)/.test(one.href));
  } catch {
    return [];
  }
}

function keep(views) {
  localStorage.setItem(KEY, JSON.stringify(views.sort((a, b) => a.name.localeCompare(b.name))));
}
