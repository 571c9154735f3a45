// The fields of an event log in plain words: how each is called, explained, grouped and shown.

/**
 * @typedef {object} Field
 * @property {string} label
 * @property {string} group one of GROUPS
 * @property {string} [help] a sentence for those who see it for the first time
 * @property {string} [width] of its column, as a track of a CSS grid
 * @property {boolean} [isFilter] whether the API can filter by it (most can)
 */

export const GROUPS = ["What happened", "Who", "How", "Call", "Where", "Belongs to", "Record"];

/** @type {Record<string, Field>} */
export const FIELDS = {
  action: field("Action", "What happened", "What was requested.", "minmax(150px, 1.6fr)"),
  category: field("Category", "What happened", "The group of the action.", "110px"),
  status: field("Status", "What happened", "start, success or error.", "92px"),
  error_type: field("Reason", "What happened", "Why it failed, in a word that programs can read.", "150px"),
  error_message: field("Message", "What happened", "What the application said, without secrets.", "minmax(160px, 2fr)"),
  next_step: field("Next step", "What happened", "What is still due after a success, such as a second factor.", "120px"),
  outcome_source: field("Decided by", "What happened", "What decided between success and error.", "110px"),
  message_status: field("Message status", "What happened", "What became of a mail or text message.", "120px"),
  user_id: field("User", "Who", "The user as the application names it.", "minmax(120px, 1fr)"),
  organization_id: field("Organization", "Who", "", "140px"),
  client_id: field("Client", "Who", "The OAuth client.", "140px"),
  auth_method: field("Method", "How", "How the user signs in: password, magic_link, …", "120px"),
  auth_factor: field("Factor", "How", "Which factor it is.", "110px"),
  http_method: field("HTTP method", "Call", "", "100px"),
  http_route: field("Route", "Call", "Never with the query string.", "minmax(120px, 1fr)"),
  http_status_code: field("HTTP status", "Call", "", "92px"),
  client_address: field("Address", "Call", "Where the call came from; a keyed hash if so configured.", "130px"),
  user_agent: field("User agent", "Call", "", "minmax(140px, 1fr)"),
  correlation_id: field("Correlation id", "Call", "The X-Request-Id or X-Correlation-Id that the caller sent.", "150px"),
  service: field("Service", "Where", "", "110px"),
  service_version: field("Version", "Where", "Of the service.", "90px"),
  environment: field("Environment", "Where", "", "110px"),
  project: field("Project", "Where", "", "110px"),
  flow_id: field("Flow", "Belongs to", "Several requests of one login.", "150px"),
  trace_id: field("Trace", "Belongs to", "", "150px"),
  span_id: field("Span", "Belongs to", "", "140px"),
  parent_span_id: field("Parent span", "Belongs to", "", "140px"),
  session_token_hash: field("Session token", "Belongs to", "A keyed hash, never the token.", "150px"),
  session_jwt_hash: field("Session JWT", "Belongs to", "A keyed hash, never the token.", "150px"),
  request_id: field("Request id", "Record", "Shared by start and outcome.", "150px"),
  event_id: field("Event id", "Record", "", "150px"),
  phase: field("Phase", "Record", "", "70px"),
  time: { ...field("Time", "Record", "", "132px"), isFilter: false },
  observed_time: { ...field("Received", "Record", "When the collector received it.", "212px"), isFilter: false },
  duration_ns: { ...field("Duration", "Record", "", "84px"), isFilter: false },
  trace_sampled: { ...field("Trace sampled", "Record", "Whether the trace was exported as well.", "110px"), isFilter: false },
  clock_skewed: { ...field("Clock skewed", "Record", "Its time is not plausible at the collector.", "110px"), isFilter: false },
};

/** A column that shows whichever of error type, next step and HTTP status says most. */
export const RESULT = { label: "Result", width: "minmax(120px, 1fr)" };

/** Columns that are shown when none were chosen. */
export const COLUMNS_DEFAULT = ["time", "status", "action", "user_id", "duration_ns", "result", "service"];

/** Fields with a panel among the filters, in this order; `open`: not folded at first. */
export const FACETS = [
  ["status", true], ["action", true], ["error_type", true], ["service", true], ["environment", false], ["category", false],
  ["auth_method", false], ["http_status_code", false], ["user_id", false], ["client_address", false], ["next_step", false],
  ["outcome_source", false], ["organization_id", false], ["client_id", false], ["auth_factor", false], ["http_route", false],
  ["http_method", false], ["service_version", false], ["project", false], ["message_status", false],
];

/** What decided an outcome, in words. @type {Record<string, string>} */
export const SOURCES = {
  app: "the application said so itself",
  signal: "the framework's login signal said so",
  rule: "a condition of the matching rule",
  exception: "an exception ended it",
  http: "the HTTP status of the answer",
  span: "the span's own status",
  aborted: "it ended without any answer",
  default: "nothing spoke against it",
};

/** @param {string} name @returns {string} the field's name for people */
export function labelOf(name) {
  return FIELDS[name]?.label ?? (name === "result" ? RESULT.label : name);
}

/** @param {string} name @returns {boolean} whether `name:value` can be searched for */
export function isFilter(name) {
  return FIELDS[name]?.isFilter === true;
}

function field(label, group, help = "", width = "140px") {
  return { label, group, help, width, isFilter: true };
}
