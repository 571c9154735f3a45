PRAGMA application_id=1868920428;
PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE events (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT, 
    time_unix_nano INTEGER NOT NULL,
    elapsed_ns INTEGER NOT NULL,                
    span_id INTEGER NOT NULL,
    half INTEGER NOT NULL,                      
    trace_id BLOB,
    parent_span_id INTEGER,
    observed_delta_ns INTEGER NOT NULL,         
    duration_ns INTEGER,
    correlation_id TEXT,
    flow_id TEXT,
    user_id TEXT,
    client_address TEXT,
    session_token_hash TEXT,
    session_jwt_hash TEXT,
    attributes TEXT,                            
    shape_id INTEGER NOT NULL,
    organization_text INTEGER,
    client_text INTEGER,
    user_agent_text INTEGER,
    error_message_text INTEGER,
    user_key INTEGER,                           
    start_ms INTEGER GENERATED ALWAYS AS ((time_unix_nano - elapsed_ns) / 1000000) VIRTUAL
) STRICT;
INSERT INTO "events" VALUES(1,1795333452658225529,12000000,-9223372036854775717,1,X'00000000000000000000000000000ABC',NULL,86399988000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(2,1795419852646225529,86400000000000,-9223372036854775801,1,X'00000000000000000000000000000ABC',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,1,NULL,NULL,NULL,NULL,NULL);
CREATE TABLE "shapes" (
   "id" INTEGER PRIMARY KEY,
   "status" TEXT NOT NULL,
   "rank" INTEGER NOT NULL,
   "action" TEXT NOT NULL,
   "category" TEXT,
   "auth_method" TEXT,
   "auth_factor" TEXT,
   "outcome_source" TEXT,
   "next_step" TEXT,
   "project" TEXT,
   "environment" TEXT,
   "service" TEXT,
   "service_version" TEXT,
   "http_method" TEXT,
   "http_route" TEXT,
   "http_status_code" INTEGER,
   "error_type" TEXT,
   "message_status" TEXT,
   "trace_sampled" INTEGER,
   "clock_skewed" INTEGER NOT NULL,
   "digest" BLOB NOT NULL
) STRICT;
INSERT INTO "shapes" VALUES(1,'success',1,'PasswordsAuthenticate','passwords',NULL,NULL,NULL,NULL,NULL,NULL,'shop',NULL,NULL,NULL,NULL,NULL,NULL,1,0,X'397D26766BC36BE7896A72E649B65341');
CREATE TABLE "texts" (
   "id" INTEGER PRIMARY KEY,
   "text" TEXT NOT NULL,
   "digest" BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX events_key ON events (start_ms, span_id, half);
CREATE INDEX events_time ON events (time_unix_nano);
CREATE INDEX events_user ON events (user_key) WHERE user_key IS NOT NULL;
CREATE UNIQUE INDEX "idx_shapes_digest"
    ON "shapes" ("digest");
CREATE UNIQUE INDEX "idx_texts_digest"
    ON "texts" ("digest");
CREATE VIEW event_logs AS SELECT
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
    strftime('%Y-%m-%dT%H:%M:%S', (time_unix_nano + observed_delta_ns) / 1000000000, 'unixepoch')
        || printf('.%09dZ', (time_unix_nano + observed_delta_ns) % 1000000000) AS observed_time,
    duration_ns,
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
FROM events
JOIN shapes ON shapes.id = events.shape_id
LEFT JOIN texts AS organization ON organization.id = events.organization_text
LEFT JOIN texts AS client ON client.id = events.client_text
LEFT JOIN texts AS agent ON agent.id = events.user_agent_text
LEFT JOIN texts AS message ON message.id = events.error_message_text;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',2);
COMMIT;
