// Everything that passes the filters, as a file.

import { get, hasToken } from "../api.js";
import { element } from "../dom.js";
import { popover } from "../popover.js";

const FORMATS = [["csv", "CSV, for a spreadsheet"], ["jsonl", "JSON Lines, for programs"]];

/**
 * Make the button.
 * @param {{parameters: () => [string, string][], onError: (error: Error) => void}} told
 * @returns {HTMLButtonElement}
 */
export function exportButton({ parameters, onError }) {
  const button = element("button", { type: "button", title: "Download what passes the filters" }, "Export");
  popover(button, (close) => [element("div", { class: "menu" }, ...FORMATS.map(([format, name]) => {
    const asked = [...parameters(), ["format", format]];
    const link = element("a", { class: "button quiet", href: `/api/v1/export?${new URLSearchParams(asked)}`, download: `event-logs.${format}` }, name);
    link.addEventListener("click", (event) => {
      setTimeout(close);
      if (!hasToken()) return; // the browser streams it to the disk
      event.preventDefault();
      download(asked, `event-logs.${format}`).catch(onError);
    });
    return link;
  }))], { label: "Export" });
  return button;
}

// A link can carry no token, and a token must not stand in an address.
async function download(asked, name) {
  const answer = await get("export", asked);
  const url = URL.createObjectURL(await answer.blob());
  element("a", { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
