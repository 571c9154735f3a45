// The Status view: whether all is well with the collector, and the figures behind it.

import { NeedsToken, ask } from "../api.js";
import { element, icon } from "../dom.js";
import { addressCard, ingestCard, lossCard, rejectedCard, storeCard } from "../status/cards.js";
import { findings, sum } from "../status/health.js";

const REFRESH_MS = 5000;
const ICONS = { good: "success", note: "no_outcome", bad: "error" };

/** @type {ReturnType<typeof createPage>|null} */
let page = null;

/** @param {HTMLElement} place @param {import("../address.js").State} state */
export function mount(place, state) {
  page = createPage(place, state);
}

/** @param {import("../address.js").State} state */
export function update(state) {
  page?.update(state);
}

/** Stop what runs by itself. */
export function unmount() {
  page?.end();
  page = null;
}

function createPage(place, first) {
  const told = element("div", { class: "findings", role: "status" }, element("div", { class: "skeleton" }));
  const cards = element("div", { class: "cards" }, ...Array.from({ length: 2 }, () => element("div", { class: "column" }, waiting(), waiting())));
  place.replaceChildren(element("div", { class: "status-page" }, told, cards));
  let utc = Boolean(first.utc);
  let status = null;
  let rejected = [];
  let asking = new AbortController();

  async function load() {
    asking.abort();
    asking = new AbortController();
    const { signal } = asking;
    try {
      status = await ask("status", [], { signal });
      rejected = sum(status.rejected) ? (await ask("rejected", [], { signal })).rejected : [];
      draw();
    } catch (error) {
      if (error.name === "AbortError" || error instanceof NeedsToken) return;
      tell([{ kind: "bad", text: error.message }]);
    }
  }

  function draw() {
    const open = new Set([...cards.querySelectorAll("details[open]")].map((one) => one.dataset.keep));
    const focused = document.activeElement?.closest?.("summary")?.parentElement.dataset.keep;
    cards.replaceChildren(
      element("div", { class: "column" }, ingestCard(status), lossCard(status), rejected.length ? rejectedCard(rejected, utc) : null),
      element("div", { class: "column" }, storeCard(status, utc), addressCard(status)),
    );
    for (const one of cards.querySelectorAll("details")) {
      one.open = open.has(one.dataset.keep);
      if (one.dataset.keep === focused) one.querySelector("summary").focus();
    }
    tell(findings(status));
  }

  // Said again only where it differs: those who listen would hear it every time.
  function tell(found) {
    const text = JSON.stringify(found);
    if (told.dataset.text === text) return;
    told.dataset.text = text;
    told.replaceChildren(...found.map(({ kind, text }) => element("p", { class: `finding ${kind}` }, icon(ICONS[kind]), text)));
  }

  const timer = setInterval(() => document.hidden || load(), REFRESH_MS);
  load();
  return {
    update(state) {
      utc = Boolean(state.utc);
      if (status) draw();
    },
    end() {
      clearInterval(timer);
      asking.abort();
    },
  };
}

function waiting() {
  return element("section", { class: "card waiting" }, element("div", { class: "skeleton" }));
}
