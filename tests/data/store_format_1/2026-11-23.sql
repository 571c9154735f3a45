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
INSERT INTO "events" VALUES(1,1795419852658225529,12000000,9141386507638288912,1,X'F23456789ABCDEF0123456789ABCDEF0',1,-12000000,12000000,'corr-1','flow-1','u-Zoë','2001:db8::7','5e55','1a77','{"provider":"google"}',1,1,2,3,4,2509523794);
INSERT INTO "events" VALUES(2,1795419852646225529,0,9141386507638288912,0,X'F23456789ABCDEF0123456789ABCDEF0',1,0,NULL,'corr-1','flow-1',NULL,'2001:db8::7','5e55','1a77','{"provider":"google"}',2,1,2,3,4,NULL);
INSERT INTO "events" VALUES(3,1795419852646225529,0,-9223372036854775800,0,X'00000000000000000000000000000ABC',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,3,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(5,1795419852646225529,0,-9223372036854775799,0,X'00000000000000000000000000000ABC',NULL,0,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,5,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(6,1795419852658225529,12000000,-9223372036854775798,1,X'00000000000000000000000000000ABC',NULL,-12000000,5,NULL,NULL,NULL,NULL,NULL,NULL,NULL,6,NULL,NULL,NULL,NULL,NULL);
INSERT INTO "events" VALUES(7,1795419852658225529,12000000,9223372036854775807,1,X'00000000000000000000000000000ABC',NULL,-12000000,NULL,NULL,NULL,'Zoë',NULL,NULL,NULL,NULL,6,NULL,NULL,NULL,NULL,1739342378);
INSERT INTO "events" VALUES(8,1795419852658225529,12000000,-9223372036854775799,1,X'00000000000000000000000000000ABC',NULL,-12000000,NULL,NULL,NULL,NULL,NULL,NULL,NULL,NULL,7,NULL,NULL,NULL,NULL,NULL);
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
INSERT INTO "shapes" VALUES(1,'success',1,'PasswordsAuthenticate','passwords','password','primary','signal','second_factor','acme','production','shop','1.2.3','POST','/login',401,'invalid_credentials','bounced',0,1,X'63187AFE9EC58973D039EB5E75FD220E');
INSERT INTO "shapes" VALUES(2,'start',1,'PasswordsAuthenticate','passwords','password','primary',NULL,'second_factor','acme','production','shop','1.2.3','POST','/login',401,'invalid_credentials','bounced',0,1,X'2909191A9442738054381DF36F61A53D');
INSERT INTO "shapes" VALUES(3,'start',1,'PasswordsAuthenticate','passwords',NULL,NULL,NULL,NULL,NULL,NULL,'shop',NULL,NULL,NULL,NULL,NULL,NULL,1,0,X'7DBC8EC628FA3728921BF90CA15BBFB3');
INSERT INTO "shapes" VALUES(4,'success',0,'PasswordsAuthenticate','passwords',NULL,NULL,NULL,NULL,NULL,NULL,'shop',NULL,NULL,NULL,NULL,NULL,NULL,1,0,X'D9E9E031787067E1BEB39DA23375A90E');
INSERT INTO "shapes" VALUES(5,'start',1,'Renamed','passwords',NULL,NULL,NULL,NULL,NULL,NULL,'shop',NULL,NULL,NULL,NULL,NULL,NULL,1,0,X'5A054C4C6A581DAE6CFD8EC26A3C15D9');
INSERT INTO "shapes" VALUES(6,'success',1,'PasswordsAuthenticate','passwords',NULL,NULL,NULL,NULL,NULL,NULL,'shop',NULL,NULL,NULL,NULL,NULL,NULL,1,0,X'397D26766BC36BE7896A72E649B65341');
INSERT INTO "shapes" VALUES(7,'error',1,'Renamed','passwords',NULL,NULL,NULL,NULL,NULL,NULL,'shop',NULL,NULL,NULL,NULL,'expired',NULL,1,0,X'A7FDCD2DAE4D2CF2B2EF076EF6C2FAB6');
CREATE TABLE "texts" (
   "id" INTEGER PRIMARY KEY,
   "text" TEXT NOT NULL,
   "digest" BLOB NOT NULL
) STRICT;
INSERT INTO "texts" VALUES(1,'org-1',X'84C51A7B03A56D2649D685A94295A182');
INSERT INTO "texts" VALUES(2,'client-1',X'F3CBB8C31E879EE04D17F96B067B00CC');
INSERT INTO "texts" VALUES(3,'tests/1.0 (Linux)',X'D73BAC07568BDC8686A316EAAE5E2F97');
INSERT INTO "texts" VALUES(4,'Wrong password',X'CD95CABA8280A3AECDC627252F248255');
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
INSERT INTO "sqlite_sequence" VALUES('events',8);
COMMIT;
