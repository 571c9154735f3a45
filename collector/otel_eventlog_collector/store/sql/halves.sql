-- Both halves under the same column names, so that whatever reads event logs reads either.
-- What only an outcome has is not the start's when both share a row.
CREATE VIEW starts AS
SELECT
    sequence * 2 AS position,
    sequence,
    start_unix_nano AS time_unix_nano,
    start_unix_nano,
    start_ms,
    NULL AS elapsed_ns,
    span_id,
    0 AS half,
    trace_id,
    parent_span_id,
    observed_delta_ns,
    correlation_id,
    flow_id,
    client_address,
    CASE WHEN outcome_shape IS NULL THEN user_id END AS user_id,
    CASE WHEN outcome_shape IS NULL THEN session_token_hash END AS session_token_hash,
    CASE WHEN outcome_shape IS NULL THEN session_jwt_hash END AS session_jwt_hash,
    CASE WHEN outcome_shape IS NULL THEN attributes END AS attributes,
    CASE WHEN outcome_shape IS NULL THEN duration_ns END AS duration_ns,
    start_shape AS shape_id,
    CASE WHEN outcome_shape IS NULL THEN organization_text END AS organization_text,
    CASE WHEN outcome_shape IS NULL THEN client_text END AS client_text,
    CASE WHEN outcome_shape IS NULL THEN error_message_text END AS error_message_text,
    user_agent_text,
    user_key,
    slot,
    outcome_shape AS other_shape
FROM requests
WHERE start_shape IS NOT NULL;

CREATE VIEW outcomes AS
SELECT
    sequence * 2 + 1 AS position,
    sequence,
    end_unix_nano AS time_unix_nano,
    start_unix_nano,
    start_ms,
    elapsed_ns,
    span_id,
    1 AS half,
    trace_id,
    parent_span_id,
    observed_delta_ns,
    correlation_id,
    flow_id,
    client_address,
    user_id,
    session_token_hash,
    session_jwt_hash,
    attributes,
    duration_ns,
    outcome_shape AS shape_id,
    organization_text,
    client_text,
    error_message_text,
    user_agent_text,
    user_key,
    slot,
    start_shape AS other_shape
FROM requests
-- The second condition says nothing new; it lets the index on the end be used.
WHERE outcome_shape IS NOT NULL AND end_unix_nano IS NOT NULL
