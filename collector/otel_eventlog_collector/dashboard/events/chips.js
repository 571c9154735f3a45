// The pieces of the search as chips: each can be turned round or taken away.

import { element, icon } from "../dom.js";
import { labelOf } from "../fields.js";
import { tokens, withoutToken } from "../query.js";

/**
 * Make the row of chips.
 * @param {{onQuery: (q: string) => void}} told
 */
export function createChips({ onQuery }) {
  const row = element("div", { class: "chips", role: "group", "aria-label": "Active filters", hidden: true });
  return {
    element: row,
    /** @param {string} q */
    draw(q) {
      const found = tokens(q);
      row.hidden = !found.length;
      row.replaceChildren(
        ...found.map((token) => chip(q, token, onQuery)),
        ...(found.length > 1 ? [element("button", { type: "button", class: "link", onclick: () => onQuery("") }, "Clear all")] : []),
      );
    },
  };
}

function chip(q, token, onQuery) {
  const is = token.negated ? "is not" : "is";
  const words = token.key ? `${labelOf(token.key)} ${is} ${token.value}` : `${token.negated ? "without " : ""}“${token.value}”`;
  const turned = () => {
    const written = q.slice(token.from, token.to).replace(/^-/, "").replace(/^([A-Za-z_]+)(!=|!:|=)/, "$1:");
    onQuery(`${q.slice(0, token.from)}${token.negated ? "" : "-"}${written}${q.slice(token.to)}`.trim());
  };
  return element(
    "span", { class: token.negated ? "chip negated" : "chip" },
    element("button", { type: "button", class: "turn", title: token.negated ? "Ask for it instead" : "Refuse it instead", "aria-label": `${words}; turn round`, onclick: turned }, words),
    element("button", { type: "button", class: "away", title: "Take away", "aria-label": `Take away: ${words}`, onclick: () => onQuery(withoutToken(q, token)) }, icon("close")),
  );
}
