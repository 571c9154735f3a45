// Pieces of the Status view: cards, lines of figures, bars.

import { element, svg } from "../dom.js";
import { countText } from "../text.js";

/**
 * A card: what it is about, and lines or drawings.
 * @param {string} title
 * @param {...(Node|null)} children
 */
export function card(title, ...children) {
  const id = `card-${title.toLowerCase().replaceAll(" ", "-")}`;
  return element("section", { class: "card", "aria-labelledby": id }, element("h2", { id }, title), ...children);
}

/**
 * One large figure with a word below it.
 * @param {string} figure @param {string} word @param {string} [title]
 */
export function figure(figure, word, title = "") {
  return element("div", { class: "figure", title: title || null }, element("strong", {}, figure), element("span", { class: "dim" }, word));
}

/**
 * Lines of name and value; those without a value are left out.
 * @param {[string, string|Node|null|undefined][]} lines
 */
export function facts(lines) {
  return element(
    "dl", { class: "facts" },
    ...lines.filter(([, value]) => value !== null && value !== undefined && value !== "")
      .flatMap(([name, value]) => [element("dt", {}, name), element("dd", {}, value)]),
  );
}

/**
 * Counts by reason, the largest first, as lines; a sentence where there are none.
 * @param {{count: number}[]} counted @param {(one: any) => string} name @param {string} none
 */
export function counts(counted, name, none) {
  if (!counted.length) return element("p", { class: "dim" }, none);
  return element(
    "ul", { class: "counts-list" },
    ...counted.map((one) => element("li", {}, element("span", {}, name(one)), element("span", { class: "number" }, countText(one.count)))),
  );
}

/** Room for so many bars there is always, so that few do not become blocks. */
export const BARS_MIN = 20;

/**
 * A bar for each value, the last one on the right, with what it says when one points at it.
 * @param {{values: number[], label: string, tell: (at: number) => string, class?: string}} given
 *   label: what the bars show, for those who do not see them
 */
export function bars({ values, label, tell, class: kind = "" }) {
  const places = Math.max(BARS_MIN, values.length);
  const [width, tall, first] = [places * 10, 64, (places - values.length) * 10];
  const most = Math.max(1, ...values);
  const drawn = values.map((value, at) => {
    const height = value ? Math.max(1.5, (value / most) * tall) : 0;
    return svg(
      "g", {}, svg("title", {}, tell(at)),
      svg("rect", { class: "room", x: first + at * 10, y: 0, width: 10, height: tall }),
      height ? svg("rect", { class: "bar-ingest", x: first + at * 10 + 1, y: tall - height, width: 8, height }) : null,
    );
  });
  return svg("svg", { class: `bars ${kind}`, viewBox: `0 0 ${width} ${tall}`, preserveAspectRatio: "none", role: "img", "aria-label": label }, ...drawn);
}
