// Everything that passes the filters, as a file.

import { element } from "../dom.js";
import { popover } from "../popover.js";

const FORMATS = [
  ["csv", "CSV, for a spreadsheet"], ["jsonl", "JSON Lines, for programs"],
  ["ocsf", "OCSF Authentication, for a SIEM"], ["ecs", "Elastic Common Schema"],
];

/**
 * Make the button.
 * @param {{parameters: () => [string, string][]}} told
 * @returns {HTMLButtonElement}
 */
export function exportButton({ parameters }) {
  const button = element("button", { type: "button", title: "Download what passes the filters" }, "Export");
  popover(button, (close) => [element("div", { class: "menu" }, ...FORMATS.map(([format, name]) => {
    const asked = [...parameters(), ["format", format]];
    const link = element("a", { class: "button quiet", href: `/api/v1/export?${new URLSearchParams(asked)}`, download: true }, name);
    link.addEventListener("click", () => setTimeout(close)); // the browser streams it to the disk
    return link;
  }))], { label: "Export" });
  return button;
}
