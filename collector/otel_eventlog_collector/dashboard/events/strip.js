// The line between histogram and table: how many there are, what is unfinished, what goes wrong.

import { ask } from "../api.js";
import { element, icon, statusMark } from "../dom.js";
import { choose, chosen } from "../query.js";
import { countText } from "../text.js";

const UNFINISHED_MAX = 100;
const STATES = [["", "All"], ["in_progress", "In progress"], ["no_outcome", "No outcome"], ["finished", "Finished"]];
const LIVE = { off: "", connecting: "connecting …", live: "live", lost: "connection lost, trying again …" };

/**
 * Make the line, and the pill that says how many wait.
 * @param {{onQuery: (q: string) => void, onState: (state: string) => void, onResume: () => void, onRetry: () => void}} told
 */
export function createStrip({ onQuery, onState, onResume, onRetry }) {
  const counts = element("div", { class: "counts" }, element("span", { class: "skeleton line" }));
  const unfinished = element("div", { class: "counts" });
  const states = element("div", { class: "segmented small", role: "group", "aria-label": "Which requests", hidden: true });
  const liveState = element("span", { class: "live-state dim", role: "status" });
  const strip = element("div", { class: "strip" }, counts, unfinished, element("span", { class: "gap" }), liveState, states);
  const notice = element("div", { class: "notice wrong", role: "alert", hidden: true });
  const pill = element("button", { type: "button", class: "pill", hidden: true, onclick: onResume });
  let isPair = false;

  return {
    element: element("div", {}, notice, strip),
    pill,

    /** @param {import("../address.js").State} state */
    draw(state) {
      isPair = Boolean(state.pair);
      states.hidden = !isPair;
      states.replaceChildren(...STATES.map(([name, title]) =>
        element("button", { type: "button", "aria-pressed": String(state.state === name), onclick: () => onState(name) }, title)));
    },

    /** @param {Record<string, number>} totals by status @param {string} q @param {boolean} isAbout not exact */
    totals(totals, q, isAbout) {
      const all = totals.start + totals.success + totals.error;
      counts.replaceChildren(
        element("strong", { class: "number" }, `${isAbout ? "about " : ""}${countText(all)} event log${all === 1 ? "" : "s"}`),
        ...["success", "error", "start"].map((status) => {
          const isChosen = chosen(q, "status", status) === "include";
          return element("button", { type: "button", class: "quiet count", "aria-pressed": String(isChosen), title: `Only ${status}`, onclick: () => onQuery(choose(q, "status", status, isChosen ? "" : "include")) }, statusMark(status), element("span", { class: "number" }, countText(totals[status])));
        }),
      );
    },

    /** Say why there are no counts. @param {string} why */
    uncounted(why) {
      counts.replaceChildren(element("span", { class: "dim" }, `Not counted: ${why}. A shorter time is counted faster.`));
      unfinished.replaceChildren();
    },

    /**
     * Say how many requests have no outcome yet, or none at all.
     * @param {[string, string][]} parameters @param {any} histogram @param {AbortSignal} signal
     */
    async unfinished(parameters, histogram, signal) {
      if (!histogram.buckets.some((bucket) => bucket.counts.start)) {
        unfinished.replaceChildren();
        return;
      }
      const names = ["in_progress", "no_outcome"];
      const asked = names.map((state) => ask("requests", [...parameters, ["state", state], ["limit", UNFINISHED_MAX]], { signal }));
      const found = await Promise.all(asked).catch(() => []); // an extra; the list says it where it matters
      unfinished.replaceChildren(...found.map(({ requests, next_cursor }, index) =>
        requests.length ? element("button", { type: "button", class: "quiet count", title: "Show these requests", onclick: () => onState(names[index]) }, statusMark(names[index]), element("span", { class: "number" }, next_cursor ? `${requests.length}+` : String(requests.length))) : ""));
    },

    /** @param {"off"|"connecting"|"live"|"lost"} is */
    live(is) {
      liveState.textContent = LIVE[is];
      liveState.classList.toggle("wrong", is === "lost");
      liveState.dataset.live = is;
    },

    /** @param {number} count what waits; Infinity: more than is kept */
    waiting(count) {
      pill.hidden = !count;
      if (!count) return;
      const number = count === Infinity ? "Many" : countText(count);
      pill.replaceChildren(icon("up"), `${number} new`);
      pill.title = isPair ? "New event logs wait; show them" : "Go to the newest";
    },

    /** Say what is wrong; "" takes it back. @param {string} text @param {string} [way] the button that asks again */
    warn(text, way = "") {
      notice.hidden = !text;
      notice.replaceChildren(text, ...(way ? [" ", element("button", { type: "button", onclick: onRetry }, way)] : []));
    },
  };
}
