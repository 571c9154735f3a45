// The detail of one request, beside the list or (on a small screen) over it.

import { get, isSignedIn } from "../api.js";
import { copy } from "../clipboard.js";
import { element, icon, statusMark } from "../dom.js";
import { indented } from "../json.js";
import { durationText, timeText } from "../text.js";
import { related, traceLink } from "./related.js";
import { timeline } from "./timeline.js";
import { valueGroups } from "./values.js";

const AROUND_MS = 15 * 60_000; // a permalink shows the list around the request

/**
 * Make the pane.
 * @param {{
 *   onClose: () => void,
 *   onQuery: (q: string) => void,
 *   q: () => string,
 *   href: (changes: object) => string,
 * }} told href: the address of this page with something changed
 */
export function createDetail({ onClose, onQuery, q, href }) {
  const pane = element("aside", { class: "detail", "aria-label": "Request", tabindex: "-1", hidden: true });
  let asking = new AbortController();
  let shown = "";
  let utc = false;

  async function load(request) {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    let text;
    try {
      text = await (await get(`requests/${encodeURIComponent(request)}`, [], { signal })).text();
    } catch (error) {
      if (error.name !== "AbortError") pane.replaceChildren(closeButton(onClose), element("div", { class: "empty" }, element("h2", {}, "This request cannot be shown"), element("p", {}, error.message)));
      return;
    }
    if (signal.aborted) return;
    draw(JSON.parse(text).request, text, signal);
  }

  function draw(found, text, signal) {
    const hrefOf = (requestId) => href({ request: requestId });
    const hrefOfSearch = (search) => href({ q: search, state: "" });
    pane.setAttribute("aria-label", `Request ${found.action}`);
    const top = pane.scrollTop;
    pane.replaceChildren(
      closeButton(onClose),
      heading(found, utc),
      element("p", { class: "why" }, found.why),
      timeline(found, { utc, hrefOf }),
      element("div", { class: "deeds" }, traceLink(found), ...copies(found, text, href)),
      ...valueGroups(found, { utc, q, onQuery }),
      ...related(found, { utc, hrefOf, hrefOfSearch, signal }),
    );
    pane.scrollTop = top;
  }

  return {
    element: pane,

    /**
     * Show a request; "" closes the pane.
     * @param {string} request
     * @param {boolean} inUtc
     */
    show(request, inUtc) {
      const isSame = request === shown && inUtc === utc;
      utc = inUtc;
      if (isSame) return;
      const isOther = request !== shown;
      shown = request;
      pane.hidden = !request;
      if (!request) {
        asking.abort();
        pane.replaceChildren();
        return;
      }
      if (isOther) {
        pane.scrollTop = 0;
        if (!pane.childElementCount) pane.replaceChildren(closeButton(onClose), ...skeleton());
      }
      load(request);
    },

    /** A half of a request came live. @param {string} request */
    refresh(request) {
      if (request === shown) load(request);
    },

    end: () => asking.abort(),
  };
}

function heading(found, utc) {
  const state = found.state === "finished" ? found.status : found.state;
  return element(
    "header", {},
    element("h2", {}, found.action),
    element("p", { class: "facts" }, statusMark(state), found.duration_ns === null ? null : element("span", { class: "number" }, durationText(found.duration_ns)), element("time", { class: "dim", datetime: found.time }, timeText(found.time, utc))),
  );
}

function closeButton(onClose) {
  return element("button", { type: "button", class: "quiet icon-only close", "aria-label": "Close", title: "Close (Esc)", onclick: onClose }, icon("close"));
}

function copies(found, answer, href) {
  const time = Date.parse(found.time);
  const [since, until] = [time - AROUND_MS, time + AROUND_MS].map((ms) => new Date(ms).toISOString());
  const url = `${location.origin}/api/v1/requests/${found.request_id}`;
  const header = isSignedIn() ? ` -H "Authorization: Bearer $TOKEN"` : "";
  return [
    ["Copy JSON", () => indented(answer), "What the API answers"],
    ["Copy curl", () => `curl -sS${header} '${url}'`, "A command that asks the API for it"],
    ["Copy link", () => location.origin + href({ since, until, request: found.request_id, q: "", live: "", state: "" }), "A link to this request"],
  ].map(([name, text, title]) => {
    const button = element("button", { type: "button", title }, name);
    button.addEventListener("click", () => copy(text(), button));
    return button;
  });
}

function skeleton() {
  return [40, 90, 60, 75, 55, 80].map((width) => {
    const line = element("div", { class: "skeleton line" });
    line.style.width = `${width}%`;
    return line;
  });
}
