// Event logs over time: one stacked bar for each slice, by status.

import { element, svg, timeText } from "./dom.js";

const STATUSES = ["error", "success", "start"];
const HEIGHT = 78;

export function drawHistogram(figure, found, utc) {
  const totals = found.buckets.map((one) => STATUSES.reduce((sum, s) => sum + (one.counts[s] || 0), 0));
  const highest = Math.max(1, ...totals);
  const width = found.buckets.length || 1;
  const bars = found.buckets.map((bucket, index) => {
    let top = HEIGHT;
    const parts = STATUSES.map((status) => {
      const height = ((bucket.counts[status] || 0) / highest) * HEIGHT;
      top -= height;
      return svg("rect", { class: `bar-${status}`, x: index + 0.08, y: top, width: 0.84, height });
    });
    const counts = STATUSES.map((status) => `${bucket.counts[status] || 0} ${status}`).join(", ");
    return svg("g", {}, svg("title", {}, `${timeText(bucket.from, utc)}: ${counts}`), ...parts);
  });
  const picture = svg(
    "svg",
    { viewBox: `0 0 ${width} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
      "aria-label": `${totals.reduce((sum, n) => sum + n, 0)} event logs` },
    ...bars,
  );
  const caption = element(
    "figcaption", {},
    element("span", {}, timeText(found.since, utc)),
    element("span", {}, `highest bar: ${highest}`),
    element("span", {}, timeText(found.until, utc)),
  );
  figure.replaceChildren(picture, caption);
}
