-- One row per event log. Times are nanoseconds since the epoch; ids are packed (span ids are moved
-- into the signed range by 2^63, which keeps their order). The view event_logs shows it all in text.
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, -- position in the stream of commits
    time_unix_nano INTEGER NOT NULL,
    elapsed_ns INTEGER NOT NULL,                -- since the start of the request
    span_id INTEGER NOT NULL,
    half INTEGER NOT NULL,                      -- 0 start, 1 outcome
    trace_id BLOB,
    parent_span_id INTEGER,
    observed_delta_ns INTEGER NOT NULL,         -- since time_unix_nano
    duration_ns INTEGER,
    correlation_id TEXT,
    flow_id TEXT,
    user_id TEXT,
    client_address TEXT,
    session_token_hash TEXT,
    session_jwt_hash TEXT,
    attributes TEXT,                            -- JSON object
    shape_id INTEGER NOT NULL,
    organization_text INTEGER,
    client_text INTEGER,
    user_agent_text INTEGER,
    error_message_text INTEGER,
    user_key INTEGER,                           -- CRC-32 of user_id: a small index finds a user
    start_ms INTEGER GENERATED ALWAYS AS ((time_unix_nano - elapsed_ns) / 1000000) VIRTUAL
) STRICT;

-- The event id taken apart. Led by time: inserts are nearly appends, and a retry hits the same key.
CREATE UNIQUE INDEX events_key ON events (start_ms, span_id, half);
CREATE INDEX events_time ON events (time_unix_nano);
CREATE INDEX events_user ON events (user_key) WHERE user_key IS NOT NULL;
