// The JSON API of this collector, and the page's state in its URL.

export async function ask(path, parameters = []) {
  const query = new URLSearchParams(parameters).toString();
  const answer = await fetch(`/api/v1/${path}${query ? "?" + query : ""}`);
  const body = await answer.json();
  if (!answer.ok) {
    const told = (body.errors || []).map((one) => one.message).join("; ");
    throw new Error(told || body.error || `the collector answered ${answer.status}`);
  }
  return body;
}

export function follow(parameters, onEvent, onGap, onState) {
  const source = new EventSource(`/api/v1/events/stream?${new URLSearchParams(parameters)}`);
  source.onmessage = (message) => onEvent(JSON.parse(message.data));
  source.addEventListener("gap", (message) => onGap(JSON.parse(message.data).message));
  source.addEventListener("ready", () => onState(true));
  source.onerror = () => onState(false);
  return () => source.close();
}

const DEFAULTS = { q: "", since: "-1h", live: "", utc: "", request: "" };

export function readState() {
  const inUrl = new URLSearchParams(location.search);
  return Object.fromEntries(
    Object.entries(DEFAULTS).map(([key, value]) => [key, inUrl.get(key) ?? value]),
  );
}

export function writeState(state, { replace = false } = {}) {
  const changed = Object.entries(state).filter(([key, value]) => value !== DEFAULTS[key]);
  const query = new URLSearchParams(changed).toString();
  const url = query ? `?${query}` : location.pathname;
  if (replace) history.replaceState(null, "", url);
  else history.pushState(null, "", url);
}

export function parametersOf(state) {
  return [["since", state.since], ...(state.q ? [["q", state.q]] : [])];
}
