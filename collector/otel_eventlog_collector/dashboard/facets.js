// Filters with counts. A click adds `field:value` to the search, a second one takes it away.

import { element } from "./dom.js";

const TITLES = { status: "Status", action: "Action", error_type: "Reason", service: "Service", user_id: "User" };

export function term(field, value) {
  return /^[\w.:@/-]+$/.test(value) ? `${field}:${value}` : `${field}:"${value.replaceAll('"', '\\"')}"`;
}

export function toggled(q, wanted) {
  const words = ` ${q} `;
  if (words.includes(` ${wanted} `)) return words.replace(` ${wanted} `, " ").trim();
  return `${q} ${wanted}`.trim();
}

export function drawFacets(place, facets, q, onPick) {
  const groups = Object.entries(TITLES).flatMap(([field, title]) => {
    const values = (facets[field] || []).filter((one) => one.value !== null);
    if (!values.length) return [];
    const buttons = values.map(({ value, count }) => {
      const text = term(field, String(value));
      const pressed = ` ${q} `.includes(` ${text} `);
      return element(
        "button",
        { type: "button", title: text, "aria-pressed": String(pressed), onclick: () => onPick(toggled(q, text)) },
        element("span", { className: field === "status" ? `status-${value}` : "" }, String(value)),
        element("span", {}, count.toLocaleString()),
      );
    });
    return [element("h3", {}, title), ...buttons];
  });
  place.replaceChildren(...groups);
}
