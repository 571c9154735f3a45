// Filters with counts. A value's name asks for it, the small button beside it refuses it.

import { ask } from "../api.js";
import { element, icon, statusMark } from "../dom.js";
import { FACETS, FIELDS, labelOf } from "../fields.js";
import { choose, chosen, tokens, withoutKey } from "../query.js";
import { countText, shortCount } from "../text.js";

const FEW = 6; // values of a panel at first
const VALUE_PX = 25; // height of a value, as in events.css
const MANY = 100; // values of a panel that was opened wide
const FOLDED = "facets"; // which panels somebody opened or folded, kept in this browser
const LENGTHS = "facet-lengths"; // of each panel when last drawn, so that nothing jumps next time
const LENGTH_FIRST = { status: 3, action: FEW, error_type: FEW - 1, service: 2 };

/**
 * Make the filters.
 * @param {{onQuery: (q: string) => void}} told
 */
export function createFacets({ onQuery }) {
  const box = element("div", { class: "facets" });
  const panels = FACETS.map(([field, isOpen]) => createPanel(field, isOpen, (q) => onQuery(q), () => load([field])));
  const byField = new Map(panels.map((panel) => [panel.field, panel]));
  box.append(...panels.map((panel) => panel.element));
  let question = { parameters: [], q: "" };
  let asking = new AbortController();

  async function load(fields) {
    const { parameters, q } = question;
    const wanted = fields.map((field) => byField.get(field)).filter((panel) => panel.isOpen());
    // A panel whose own field is filtered shows what else there would be: it is asked without that.
    const own = new Set(tokens(q).map((token) => token.key));
    const groups = new Map();
    for (const panel of wanted) {
      const without = own.has(panel.field) ? withoutKey(q, panel.field) : q;
      const key = `${without}\n${panel.limit()}`;
      groups.set(key, [...(groups.get(key) ?? []), panel]);
    }
    const { signal } = asking;
    await Promise.all([...groups].map(async ([key, group]) => {
      const [without, limit] = [key.slice(0, key.lastIndexOf("\n")), key.slice(key.lastIndexOf("\n") + 1)];
      const fieldsAsked = group.map((panel) => ["field", panel.field]);
      const rest = parameters.filter(([name]) => name !== "q");
      try {
        const answer = await ask("facets", [...rest, ...(without ? [["q", without]] : []), ...fieldsAsked, ["limit", limit]], { signal });
        for (const panel of group) panel.draw(answer.facets[panel.field] ?? [], q);
      } catch (error) {
        if (error.name !== "AbortError") for (const panel of group) panel.fail(error.message);
      }
    }));
  }

  return {
    element: box,
    /** @param {[string, string][]} parameters of the API @param {string} q */
    load(parameters, q) {
      asking.abort();
      asking = new AbortController();
      question = { parameters, q };
      return load(FACETS.map(([field]) => field));
    },
  };
}

function createPanel(field, isOpenFirst, onQuery, onWanted) {
  const length = kept(LENGTHS)[field] ?? LENGTH_FIRST[field] ?? 2;
  const isOpenNow = kept(FOLDED)[field] ?? isOpenFirst;
  const skeletons = () => Array.from({ length }, () => element("li", { class: "skeleton" }));
  const list = element("ul", {}, ...(isOpenNow ? skeletons() : []));
  // Fewer values than last time leave room below them, so that other panels stay where they are.
  if (isOpenNow) list.style.minHeight = `${length * VALUE_PX}px`;
  const more = element("button", { type: "button", class: "link", hidden: length < FEW }, "More");
  const search = element("input", { type: "search", placeholder: `Find in ${labelOf(field).toLowerCase()}`, "aria-label": `Find in ${labelOf(field)}`, hidden: true });
  const panel = element(
    "details", { class: "facet", open: isOpenNow, dataset: { field } },
    element("summary", { title: FIELDS[field].help || null }, icon("chevron"), element("span", {}, labelOf(field))),
    search, list, more,
  );
  let isWide = false;
  let values = [];
  let q = "";

  function draw() {
    const wanted = search.value.trim().toLowerCase();
    const fitting = values.filter((one) => String(one.value).toLowerCase().includes(wanted));
    const top = Math.max(1, ...values.map((one) => one.count));
    list.replaceChildren(...fitting.map((one) => line(one, top)), ...(fitting.length ? [] : [element("li", { class: "dim none" }, values.length ? "Nothing of that name" : "None in this time")]));
    more.hidden = !isWide && values.length < FEW;
    more.textContent = isWide ? "Fewer" : "More";
  }

  function line({ value, count }, top) {
    const text = String(value);
    const wish = chosen(q, field, text);
    const toggle = (to) => onQuery(choose(q, field, text, wish === to ? "" : to));
    const share = element("span", { class: "share" });
    share.style.width = `${(count / top) * 100}%`;
    const name = field === "status" ? statusMark(text) : element("span", { class: "name" }, text);
    return element(
      "li", { class: wish ? `value ${wish}` : "value" },
      element("button", { type: "button", class: "take", title: `${text}: ${countText(count)}`, "aria-pressed": String(wish === "include"), onclick: () => toggle("include") },
        share, name, element("span", { class: "number" }, count ? shortCount(count) : "–")),
      element("button", { type: "button", class: "refuse", title: `Without ${text}`, "aria-label": `Without ${text}`, "aria-pressed": String(wish === "exclude"), onclick: () => toggle("exclude") }, "≠"),
    );
  }

  more.addEventListener("click", () => {
    isWide = !isWide;
    search.hidden = !isWide;
    search.value = "";
    onWanted();
  });
  search.addEventListener("input", draw);
  panel.addEventListener("toggle", () => {
    if (panel.open === (kept(FOLDED)[field] ?? isOpenFirst)) return;
    keep(FOLDED, field, panel.open);
    if (!panel.open) return;
    if (!list.childElementCount) list.replaceChildren(...skeletons());
    onWanted();
  });

  return {
    field,
    element: panel,
    isOpen: () => panel.open,
    limit: () => (isWide ? MANY : FEW),
    draw(counted, query) {
      q = query;
      // What is asked for stays in sight, also where nothing of it is left.
      const missing = tokens(q)
        .filter((token) => token.key === field && !counted.some((one) => String(one.value) === token.value))
        .map((token) => ({ value: token.value, count: 0 }));
      values = [...counted.filter((one) => one.value !== null), ...missing];
      if (!isWide) keep(LENGTHS, field, Math.min(FEW, Math.max(1, values.length)));
      draw();
    },
    fail(told) {
      list.replaceChildren(element("li", { class: "dim none", title: told }, "Could not be counted"));
    },
  };
}

function keep(name, field, value) {
  localStorage.setItem(name, JSON.stringify({ ...kept(name), [field]: value }));
}

function kept(name) {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "{}");
  } catch {
    return {};
  }
}
