// The keys that work, in a dialog.

import { byId, element } from "./dom.js";

/** What is shown by `?`; docs/dashboard.md has the same table. @type {[string, string][]} */
export const KEYS = [
  ["/", "search"],
  ["j  or  ↓", "next row"],
  ["k  or  ↑", "row before"],
  ["Enter", "open the row's request"],
  ["Esc", "close what is open"],
  ["g", "first row"],
  ["l", "live on and off"],
  ["o", "the oldest or the newest on top"],
  ["p", "start and outcome in one line, or apart"],
  ["f", "filters, on a small screen"],
  ["t", "time"],
  ["u", "UTC or local time"],
  ["?", "this list"],
];

/** Open the dialog; Esc closes it. */
export function openHelp() {
  const lines = KEYS.flatMap(([keys, what]) => [
    element("dt", {}, ...keys.split("  ").map((part) => (part === "or" ? " or " : element("kbd", {}, part)))),
    element("dd", {}, what),
  ]);
  const close = element("button", { type: "button", autofocus: true }, "Close");
  const dialog = element(
    "dialog", { class: "help", "aria-labelledby": "help-title" },
    element("h2", { id: "help-title" }, "Keyboard"),
    element("dl", {}, ...lines),
    element(
      "p", { class: "dim" }, "In the search: ", element("code", {}, "key:value"), ", ", element("code", {}, "-key:value"), ", ",
      element("code", {}, "key:begins*"), ", ", element("code", {}, '"free text"'), ".",
    ),
    close,
  );
  close.addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", () => dialog.remove());
  byId("overlays").append(dialog);
  dialog.showModal();
}
