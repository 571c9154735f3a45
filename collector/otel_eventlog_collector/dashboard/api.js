// The JSON API of this collector.

import { pathOf } from "./questions.js";

const RETRY_MS = 1000;
const EARLY_MS = 10_000; // an answer asked for by early.js is good for so long

/** The collector wants a token, or another one. */
export class NeedsToken extends Error {}

/** The question was wrong (a person can mend it); `field` says where. */
export class BadQuestion extends Error {
  constructor(message, errors) {
    super(message);
    this.errors = errors;
  }
}

let isIn = false;

/**
 * Who is signed in. The session is in a cookie that no script can read.
 * @returns {Promise<{tokens_required: boolean, signed_in: boolean, name: string|null}>}
 */
export async function who() {
  const found = await ask("session");
  isIn = found.signed_in;
  return found;
}

/**
 * Exchange a token for a session. The token is not kept.
 * @param {string} token
 * @throws {Error} with a message for people
 */
export async function signIn(token) {
  const headers = { "Content-Type": "application/json" };
  await get("session", [], { method: "POST", headers, body: JSON.stringify({ token }) });
  isIn = true;
}

/** End the session, here and in the collector. */
export async function signOut() {
  await get("session", [], { method: "DELETE" });
  isIn = false;
}

/** @returns {boolean} whether this collector wants a token and somebody is signed in */
export function isSignedIn() {
  return isIn;
}

/**
 * Ask the API and return the answer's JSON.
 * @param {string} path below /api/v1/
 * @param {[string, string|number][]} [parameters]
 * @param {RequestInit} [options] for example a signal that withdraws the question
 * @returns {Promise<any>}
 * @throws {NeedsToken|BadQuestion|Error} with a message that says what to do
 */
export async function ask(path, parameters = [], options = {}) {
  return (await get(path, parameters, options)).json();
}

/**
 * As `ask`, but return the answer itself, to be streamed.
 * @param {string} path
 * @param {[string, string|number][]} [parameters]
 * @param {RequestInit} [options]
 * @returns {Promise<Response>}
 */
export async function get(path, parameters = [], options = {}) {
  const asked = pathOf(path, parameters);
  const sent = options.method ? null : sentEarly(asked);
  let answer;
  try {
    answer = await (sent?.answer ?? fetch(asked, options));
    options.signal?.throwIfAborted();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The collector does not answer. Is `otel-eventlog serve` still running?");
  }
  const read = () => sent?.body ?? answer.json();
  if (answer.ok) return sent ? { json: read } : answer;
  const body = await read().catch(() => ({}));
  const told = (body.errors || []).map((one) => one.message).join("; ") || body.error;
  const message = told || `The collector answered ${answer.status}.`;
  if ((answer.status === 401 || answer.status === 403) && path !== "session") {
    const ended = isIn ? "Your session has ended, or its token was revoked." : "";
    isIn = false;
    dispatchEvent(new CustomEvent("needs-token", { detail: answer.status === 401 ? ended : message }));
    throw new NeedsToken(message);
  }
  throw answer.status === 400 ? new BadQuestion(message, body.errors || []) : new Error(message);
}

// The answer to what early.js asked, for the first who asks the same.
function sentEarly(path) {
  const { early } = globalThis;
  if (early?.path !== path) return null;
  globalThis.early = null;
  return performance.now() < EARLY_MS ? early : null;
}

/**
 * Follow the live stream until told to stop; comes back by itself where it ended.
 * Not EventSource: that cannot tell a refusal from an end.
 * @param {[string, string][]} parameters
 * @param {{onEvent: (event: any) => void, onGap: (text: string) => void, onState: (connected: boolean) => void}} told
 *   onState(true) comes once it watches: nothing committed after that is missed
 * @returns {() => void} ends it
 */
export function follow(parameters, { onEvent, onGap, onState }) {
  const ending = new AbortController();
  let position = "";
  const watch = async () => {
    const headers = position ? { "Last-Event-ID": position } : {};
    const answer = await get("events/stream", parameters, { headers, signal: ending.signal });
    for await (const message of messages(answer.body)) {
      if (message.event === "ready") onState(true);
      else if (message.event === "gap") onGap(JSON.parse(message.data).message);
      else if (message.data) onEvent(JSON.parse(message.data));
      position = message.id || position;
    }
  };
  const watchOn = () =>
    watch()
      .catch((error) => error)
      .then((error) => {
        if (ending.signal.aborted) return;
        onState(false);
        if (error instanceof NeedsToken || error instanceof BadQuestion) return;
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
