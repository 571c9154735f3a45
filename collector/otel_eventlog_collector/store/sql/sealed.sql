-- What a day gets once it is over: indexes for keys by which people look seldom. Carried while
-- event logs come in, they would halve how many can.
CREATE INDEX requests_trace ON requests (trace_id) WHERE trace_id IS NOT NULL;
CREATE INDEX requests_correlation ON requests (correlation_id) WHERE correlation_id IS NOT NULL;
CREATE INDEX requests_flow ON requests (flow_id) WHERE flow_id IS NOT NULL;
CREATE INDEX requests_address ON requests (client_address) WHERE client_address IS NOT NULL;
CREATE INDEX requests_token ON requests (session_token_hash) WHERE session_token_hash IS NOT NULL;
CREATE INDEX requests_jwt ON requests (session_jwt_hash) WHERE session_jwt_hash IS NOT NULL;
CREATE INDEX requests_organization ON requests (organization_text)
    WHERE organization_text IS NOT NULL;
CREATE INDEX requests_client ON requests (client_text) WHERE client_text IS NOT NULL;
CREATE INDEX requests_agent ON requests (user_agent_text) WHERE user_agent_text IS NOT NULL;
CREATE INDEX requests_message ON requests (error_message_text) WHERE error_message_text IS NOT NULL;
ANALYZE
