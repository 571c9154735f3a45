// The shell: which view is shown, what stands above every view, and what is asked before any view.
//
// A view is a module of views/ with
//   mount(element, state)   draw into an empty element
//   update(state, before)   the URL changed while the view is shown
//   unmount()               stop timers, streams and listeners; the element is emptied afterwards
// A view changes the state with `go` of router.js only, and is told of it through `update`.

import { byId, icon } from "./dom.js";
import { openHelp } from "./help.js";
import { urlOf } from "./address.js";
import { go, onChange, state } from "./router.js";
import { showSignIn, showSignedIn } from "./signin.js";

const VIEWS = {
  events: { title: "Events", load: () => import("./views/events.js") },
  actions: { title: "Actions", load: () => import("./views/actions.js") },
  status: { title: "Status", load: () => import("./views/status.js") },
};
const THEMES = [
  { name: "", icon: "auto", title: "Colours as the system is set" },
  { name: "light", icon: "sun", title: "Light colours" },
  { name: "dark", icon: "moon", title: "Dark colours" },
];
const KEPT = ["since", "until", "q", "utc"]; // what goes along from view to view

/** @type {{name: string, module: any}|null} */
let shown = null;
let turn = 0;

async function show(next, before) {
  const name = next.view in VIEWS ? next.view : "events";
  drawBar(next, name);
  if (shown?.name === name) {
    shown.module.update(next, before);
    return;
  }
  const mine = (turn += 1);
  leave();
  try {
    const module = await VIEWS[name].load();
    if (mine !== turn) return;
    shown = { name, module };
    module.mount(byId("view"), state());
  } catch (error) {
    if (mine !== turn) return;
    console.error(error);
    byId("view").textContent = "This view could not be loaded. Reload the page; if that does not help, restart the collector.";
  }
}

function leave() {
  shown?.module.unmount();
  shown = null;
  byId("overlays").replaceChildren();
  byId("view").replaceChildren();
}

function drawBar(next, name) {
  document.title = `${VIEWS[name].title} · otel-eventlog`;
  byId("title").textContent = VIEWS[name].title;
  byId("view").dataset.view = name;
  for (const link of byId("nav").children) {
    const kept = Object.fromEntries(KEPT.map((key) => [key, next[key]]));
    link.href = urlOf({ ...kept, view: link.dataset.view });
    if (link.dataset.view === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("zone").textContent = next.utc ? "UTC" : "Local";
  byId("zone").setAttribute("aria-pressed", String(Boolean(next.utc)));
  byId("zone").setAttribute("aria-label", "Show times in UTC");
  byId("zone").title = next.utc
    ? "Times are in UTC; click for your own zone"
    : `Times are in ${Intl.DateTimeFormat().resolvedOptions().timeZone}; click for UTC`;
}

function drawTheme() {
  const at = THEMES.findIndex((one) => one.name === globalThis.theme.get());
  const button = byId("theme");
  button.replaceChildren(icon(THEMES[at].icon));
  button.title = `${THEMES[at].title}; click to change`;
  button.setAttribute("aria-label", button.title);
  button.onclick = () => {
    globalThis.theme.set(THEMES[(at + 1) % THEMES.length].name);
    drawTheme();
  };
}

// Links to this page change the state instead of loading everything again.
function onLink(event) {
  const link = event.target.closest?.("a[href]");
  if (!link || event.defaultPrevented || event.button || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const url = new URL(link.href);
  if (link.target || link.hasAttribute("download") || url.origin !== location.origin || url.pathname !== "/" || url.hash) return;
  event.preventDefault();
  const wanted = new URLSearchParams(url.search);
  const cleared = Object.fromEntries(Object.keys(state()).map((key) => [key, undefined]));
  go({ ...cleared, ...Object.fromEntries(wanted) });
}

function askForToken(told) {
  if (!shown && byId("view").querySelector(".sign-in")) return; // several questions were refused
  turn += 1;
  leave();
  showSignIn(byId("view"), told, () => {
    byId("view").replaceChildren();
    showSignedIn(byId("signed-in"));
    show(state(), state());
  });
}

byId("zone").addEventListener("click", () => go({ utc: state().utc ? "" : "1" }));
byId("help").addEventListener("click", openHelp);
addEventListener("click", onLink);
addEventListener("needs-token", (event) => askForToken(event.detail));
onChange(show);
drawTheme();
show(state(), state());
showSignedIn(byId("signed-in"));
