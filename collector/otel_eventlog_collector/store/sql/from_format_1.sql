-- Format 1, attached as `old`, had a row for each event log. Each stays alone in its row, with its
-- place in the stream, so that watchers resume where they were.
INSERT INTO shapes SELECT * FROM old.shapes;
INSERT INTO texts SELECT * FROM old.texts;
INSERT INTO requests (
    sequence, start_unix_nano, elapsed_ns, span_id, slot, trace_id, parent_span_id,
    observed_delta_ns, correlation_id, flow_id, client_address, user_id, session_token_hash,
    session_jwt_hash, attributes, duration_ns, start_shape, outcome_shape, organization_text,
    client_text, error_message_text, user_agent_text, user_key
)
SELECT
    sequence,
    time_unix_nano - elapsed_ns,
    CASE half WHEN 1 THEN elapsed_ns END,
    span_id,
    half AND EXISTS (
        SELECT 1 FROM old.events AS start
        WHERE start.start_ms = event.start_ms AND start.span_id = event.span_id AND start.half = 0
    ),
    trace_id,
    parent_span_id,
    elapsed_ns + observed_delta_ns,
    correlation_id,
    flow_id,
    client_address,
    user_id,
    session_token_hash,
    session_jwt_hash,
    attributes,
    CASE
        WHEN half = 0 THEN duration_ns
        WHEN duration_ns IS NULL THEN -1
        WHEN duration_ns != elapsed_ns THEN max(0, duration_ns)
    END,
    CASE half WHEN 0 THEN shape_id END,
    CASE half WHEN 1 THEN shape_id END,
    organization_text,
    client_text,
    error_message_text,
    user_agent_text,
    user_key
FROM old.events AS event
ORDER BY sequence;
INSERT INTO minutes
SELECT time_unix_nano / 60000000000 AS minute, shape_id, count(*)
FROM old.events
GROUP BY 1, 2;
INSERT INTO hours
SELECT minute / 60, shape_id, sum(events)
FROM minutes
GROUP BY 1, 2;
INSERT INTO durations
SELECT end_unix_nano / 3600000000000, outcome_shape, bucket_of(coalesce(duration_ns, elapsed_ns)), count(*)
FROM requests
WHERE outcome_shape IS NOT NULL AND duration_ns IS NOT -1
GROUP BY 1, 2, 3;
UPDATE sqlite_sequence
SET seq = (SELECT seq FROM old.sqlite_sequence WHERE name = 'events')
WHERE name = 'requests'
