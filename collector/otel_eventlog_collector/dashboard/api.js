// The JSON API of this collector, and the page's state in its URL.

const TOKEN = "token"; // kept for this tab only; needed when the collector was given a token file
const RETRY_MS = 1000;

export class NeedsToken extends Error {}

export function signIn(token) {
  sessionStorage.setItem(TOKEN, token);
}

export async function ask(path, parameters = []) {
  return (await get(path, parameters)).json();
}

async function get(path, parameters, options = {}) {
  const query = new URLSearchParams(parameters).toString();
  const token = sessionStorage.getItem(TOKEN);
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  const answer = await fetch(`/api/v1/${path}${query ? "?" + query : ""}`, { ...options, headers });
  if (answer.ok) return answer;
  const body = await answer.json().catch(() => ({}));
  const told = (body.errors || []).map((one) => one.message).join("; ") || body.error;
  const message = told || `the collector answered ${answer.status}`;
  throw answer.status === 401 ? new NeedsToken(message) : new Error(message);
}

// Not EventSource: that can send no token. Calls onState(true) once it watches; returns what ends it.
export function follow(parameters, onEvent, onGap, onState) {
  const ending = new AbortController();
  let position = "";
  const watch = async () => {
    const headers = position ? { "Last-Event-ID": position } : {};
    const answer = await get("events/stream", parameters, { headers, signal: ending.signal });
    for await (const message of messages(answer.body)) {
      position = message.id || position;
      if (message.event === "ready") onState(true);
      else if (message.event === "gap") onGap(JSON.parse(message.data).message);
      else if (message.data) onEvent(JSON.parse(message.data));
    }
  };
  const watchOn = () =>
    watch()
      .catch(() => {})
      .then(() => {
        if (ending.signal.aborted) return;
        onState(false);
        setTimeout(() => ending.signal.aborted || watchOn(), RETRY_MS);
      });
  watchOn();
  return () => ending.abort();
}

// Server-sent events out of a body (HTML standard, section 9.2.6).
async function* messages(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = "";
  let fields = {};
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (waiting + value).split("\n");
    waiting = lines.pop();
    for (const line of lines) {
      const [, name, text] = /^([^:]*):? ?(.*)$/.exec(line);
      if (line) fields[name] = text;
      else {
        yield fields;
        fields = {};
      }
    }
  }
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
