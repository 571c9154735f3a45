-- One row per request, or per half of a request whose halves came apart: a start, an outcome, or
-- both. Times are nanoseconds since the epoch; ids are packed (span ids are moved into the signed
-- range by 2^63, which keeps their order). The view event_logs shows it all in text.
-- A row without any shape is what an erasure leaves: the bare id, so that nothing comes back.
CREATE TABLE requests (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, -- place in the stream of commits
    start_unix_nano INTEGER NOT NULL,
    elapsed_ns INTEGER,                         -- from the start to the outcome
    span_id INTEGER NOT NULL,
    slot INTEGER NOT NULL DEFAULT 0,            -- 1: the second row of a request
    trace_id BLOB,
    parent_span_id INTEGER,
    observed_delta_ns INTEGER NOT NULL,         -- since start_unix_nano
    correlation_id TEXT,
    flow_id TEXT,
    client_address TEXT,
    user_id TEXT,                               -- of the outcome, like the next five
    session_token_hash TEXT,
    session_jwt_hash TEXT,
    attributes TEXT,                            -- JSON object
    duration_ns INTEGER,                        -- NULL: elapsed_ns; -1: none
    start_shape INTEGER,                        -- NULL: the start is not in this row
    outcome_shape INTEGER,                      -- NULL: the outcome is not in this row
    organization_text INTEGER,                  -- of the outcome, like the next two
    client_text INTEGER,
    error_message_text INTEGER,
    user_agent_text INTEGER,
    user_key INTEGER,                           -- CRC-32 of user_id: a small index finds a user
    start_ms INTEGER GENERATED ALWAYS AS (start_unix_nano / 1000000) VIRTUAL,
    end_unix_nano INTEGER GENERATED ALWAYS AS (start_unix_nano + elapsed_ns) VIRTUAL
) STRICT;

-- The request id taken apart. Led by time: inserts are nearly appends, a retry hits the same key,
-- and starts are listed by it.
CREATE UNIQUE INDEX requests_key ON requests (start_ms, span_id, slot);
CREATE INDEX requests_end ON requests (end_unix_nano) WHERE end_unix_nano IS NOT NULL;
CREATE INDEX requests_user ON requests (user_key) WHERE user_key IS NOT NULL;

-- Halves alone in their rows: of requests of which a half never came, or came in second place. Whole
-- rows are in neither. A start alone also shows what is an outcome's otherwise.
CREATE INDEX requests_open ON requests (start_ms)
    WHERE start_shape IS NOT NULL AND outcome_shape IS NULL;
CREATE INDEX requests_startless ON requests (end_unix_nano)
    WHERE start_shape IS NULL AND outcome_shape IS NOT NULL AND slot = 0;

-- How many event logs of each shape happened in each minute and each hour (since the epoch), and
-- how many outcomes took how long. Kept in the transaction that changes the rows.
CREATE TABLE minutes (
    minute INTEGER NOT NULL,
    shape_id INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (minute, shape_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE hours (
    hour INTEGER NOT NULL,
    shape_id INTEGER NOT NULL,
    events INTEGER NOT NULL,
    PRIMARY KEY (hour, shape_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE durations (
    hour INTEGER NOT NULL,
    shape_id INTEGER NOT NULL,
    bucket INTEGER NOT NULL,                    -- eight to each doubling: view action_durations
    events INTEGER NOT NULL,
    PRIMARY KEY (hour, shape_id, bucket)
) STRICT, WITHOUT ROWID;
