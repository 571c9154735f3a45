-- Every event log as the API shows it, for people.
CREATE VIEW event_logs AS
SELECT
    printf(
        '%08x-%04x-7%03x-%04x-%012x',
        start_ms >> 16,
        start_ms & 65535,
        ((span_id >> 52) + 2048) & 4095,
        32768 | ((span_id >> 38) & 16383),
        ((span_id & 274877906943) << 10) | (half + 1)
    ) AS event_id,
    printf(
        '%08x-%04x-7%03x-%04x-%012x',
        start_ms >> 16,
        start_ms & 65535,
        ((span_id >> 52) + 2048) & 4095,
        32768 | ((span_id >> 38) & 16383),
        (span_id & 274877906943) << 10
    ) AS request_id,
    CASE half WHEN 0 THEN 'start' ELSE 'end' END AS phase,
    action,
    category,
    status,
    outcome_source,
    next_step,
    strftime('%Y-%m-%dT%H:%M:%S', time_unix_nano / 1000000000, 'unixepoch')
        || printf('.%09dZ', time_unix_nano % 1000000000) AS time,
    time_unix_nano,
    strftime('%Y-%m-%dT%H:%M:%S', (start_unix_nano + observed_delta_ns) / 1000000000, 'unixepoch')
        || printf('.%09dZ', (start_unix_nano + observed_delta_ns) % 1000000000) AS observed_time,
    CASE WHEN duration_ns IS NULL THEN elapsed_ns WHEN duration_ns >= 0 THEN duration_ns END
        AS duration_ns,
    project,
    environment,
    service,
    service_version,
    lower(hex(trace_id)) AS trace_id,
    printf('%08x%08x', ((span_id >> 32) + 2147483648) & 4294967295, span_id & 4294967295)
        AS span_id,
    CASE WHEN parent_span_id IS NOT NULL THEN
        printf(
            '%08x%08x',
            ((parent_span_id >> 32) + 2147483648) & 4294967295,
            parent_span_id & 4294967295
        )
    END AS parent_span_id,
    trace_sampled,
    clock_skewed,
    correlation_id,
    flow_id,
    user_id,
    organization.text AS organization_id,
    client.text AS client_id,
    auth_method,
    auth_factor,
    http_method,
    http_route,
    http_status_code,
    error_type,
    message.text AS error_message,
    session_token_hash,
    session_jwt_hash,
    client_address,
    agent.text AS user_agent,
    message_status,
    attributes
FROM (SELECT * FROM starts UNION ALL SELECT * FROM outcomes) AS halves
JOIN shapes ON shapes.id = halves.shape_id
LEFT JOIN texts AS organization ON organization.id = halves.organization_text
LEFT JOIN texts AS client ON client.id = halves.client_text
LEFT JOIN texts AS agent ON agent.id = halves.user_agent_text
LEFT JOIN texts AS message ON message.id = halves.error_message_text
