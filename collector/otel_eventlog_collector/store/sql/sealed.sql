-- What a day gets once it is over: indexes for keys by which people look seldom. Carried while
-- event logs come in, they would halve how many can. The last one tells that all are there.
CREATE INDEX IF NOT EXISTS requests_trace ON requests (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_correlation ON requests (correlation_id)
    WHERE correlation_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_flow ON requests (flow_id) WHERE flow_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_address ON requests (client_address)
    WHERE client_address IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_token ON requests (session_token_hash)
    WHERE session_token_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_jwt ON requests (session_jwt_hash)
    WHERE session_jwt_hash IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_client ON requests (client_text) WHERE client_text IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_agent ON requests (user_agent_text)
    WHERE user_agent_text IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_message ON requests (error_message_text)
    WHERE error_message_text IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_user_id ON requests (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX IF NOT EXISTS requests_span ON requests (span_id);
CREATE INDEX IF NOT EXISTS requests_parent ON requests (parent_span_id)
    WHERE parent_span_id IS NOT NULL;
-- An organization may have a great part of the day: counted without a look at the rows.
DROP INDEX IF EXISTS requests_organization;
CREATE INDEX IF NOT EXISTS requests_organization_end
    ON requests (organization_text, end_unix_nano, outcome_shape)
    WHERE organization_text IS NOT NULL;
-- Days of a former version had only a part of it.
DROP INDEX IF EXISTS requests_open;
CREATE INDEX requests_open ON requests (start_ms)
    WHERE start_shape IS NOT NULL AND outcome_shape IS NULL;
-- Counts over many hours, and what retention takes from an hour: requests that took over a minute.
CREATE INDEX IF NOT EXISTS durations_shape ON durations (shape_id, bucket, hour, events);
CREATE INDEX IF NOT EXISTS requests_long ON requests (start_ms) WHERE elapsed_ns > 60000000000;
ANALYZE
