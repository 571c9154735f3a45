// The time that is looked at: back from now, or from one moment to another; kept as it was chosen.

import { element, icon } from "../dom.js";
import { popover } from "../popover.js";
import { dayText, clockText, spanText, timeText } from "../text.js";
import { DURATION, durationMs, momentMs } from "../times.js";

const RELATIVE = [
  ["-15m", "15 minutes"], ["-1h", "1 hour"], ["-6h", "6 hours"], ["-24h", "24 hours"], ["-7d", "7 days"], ["-30d", "30 days"],
];

/**
 * Make the picker.
 * @param {{onChange: (time: {since: string, until: string}) => void}} told
 */
export function timePicker({ onChange }) {
  const label = element("span", {});
  const button = element("button", { type: "button", class: "time", title: "Choose the time (t)" }, icon("clock"), label, icon("chevron"));
  let state = { since: "-1h", until: "", utc: "" };

  const { open } = popover(button, (close) => {
    const choose = (since, until) => {
      close();
      onChange({ since, until });
    };
    return [
      element("div", { class: "time-choices" }, ...relative(state, choose), element("hr", {}), back(choose), element("hr", {}), absolute(state, choose)),
    ];
  }, { label: "Time" });

  return {
    element: button,
    open,
    /** @param {{since: string, until: string, utc: string}} next */
    draw(next) {
      state = next;
      label.textContent = timeLabel(next);
    },
  };
}

/**
 * The time of a state in words.
 * @param {{since: string, until: string, utc: string}} state
 * @returns {string}
 */
export function timeLabel({ since, until, utc }) {
  const from = pointText(since, utc);
  if (!until || until === "now") return since.startsWith("-") ? `Last ${usualName(since)}` : `Since ${from}`;
  return `${from} – ${pointText(until, utc, since)}`;
}

function relative(state, choose) {
  return RELATIVE.map(([since, name]) =>
    element("button", { type: "button", class: "quiet", "aria-pressed": String(!state.until && state.since === since), autofocus: since === RELATIVE[0][0], onclick: () => choose(since, "") }, `Last ${name}`),
  );
}

function back(choose) {
  const input = element("input", { type: "text", placeholder: "90m, 2h, 3d", "aria-label": "Back from now", size: "12" });
  const told = element("p", { class: "wrong", role: "alert" });
  const submit = (event) => {
    event.preventDefault();
    const text = input.value.trim().toLowerCase().replace(/\s/g, "");
    if (DURATION.test(text)) choose(text.startsWith("-") ? text : `-${text}`, "");
    else told.textContent = "Write a number and a unit: 90s, 15m, 12h, 3d, 2w.";
  };
  return element("form", { onsubmit: submit }, element("label", {}, "Back from now"), element("div", { class: "inline" }, input, element("button", { type: "submit" }, "Show")), told);
}

function absolute(state, choose) {
  const utc = Boolean(state.utc);
  const from = moment(momentMs(state.since), utc, "From");
  const to = moment(momentMs(state.until), utc, "To");
  const told = element("p", { class: "wrong", role: "alert" });
  const submit = (event) => {
    event.preventDefault();
    const [since, until] = [from, to].map((input) => (input.value ? new Date(input.value + (utc ? "Z" : "")) : null));
    if (!since) told.textContent = "Say from when.";
    else if (until && until <= since) told.textContent = "The end must lie after the beginning.";
    else choose(since.toISOString(), until ? until.toISOString() : "");
  };
  return element(
    "form", { class: "absolute", onsubmit: submit },
    element("label", {}, "From", from), element("label", {}, utc ? "To (UTC)" : "To (your time)", to),
    element("button", { type: "submit" }, "Show"), told,
  );
}

function moment(ms, utc, label) {
  const valid = Number.isFinite(ms) ? ms : Date.now();
  const value = `${dayText(valid, utc)}T${clockText(valid, utc, { digits: 0 }).replace("Z", "")}`;
  const input = element("input", { type: "datetime-local", step: "1", "aria-label": label });
  input.value = value;
  return input;
}

function pointText(text, utc, since = "") {
  if (DURATION.test(text)) return `${usualName(text)} ago`;
  const ms = momentMs(text);
  if (!Number.isFinite(ms)) return text;
  const whole = timeText(ms, Boolean(utc)).replace(/(:00)?\.000|\.\d\d\d/, "").replace("Z", "");
  const isSameDay = since && Number.isFinite(Date.parse(since)) && dayText(Date.parse(since), Boolean(utc)) === dayText(ms, Boolean(utc));
  return isSameDay ? whole.slice(11) : whole;
}

function usualName(text) {
  return RELATIVE.find(([since]) => since === text)?.[1] ?? spanText(durationMs(text));
}
