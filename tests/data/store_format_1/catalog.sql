PRAGMA application_id=1868920428;
PRAGMA user_version=1;
BEGIN TRANSACTION;
CREATE TABLE "purges" (
   "number" INTEGER PRIMARY KEY,
   "day" INTEGER NOT NULL,
   "last_sequence" INTEGER NOT NULL,
   "events" INTEGER NOT NULL,
   "purged_unix_nano" INTEGER NOT NULL
) STRICT;
INSERT INTO "purges" VALUES(1,20776,1,1,1795419852646225529);
CREATE TABLE "settings" (
   "name" TEXT PRIMARY KEY,
   "value" TEXT NOT NULL
) STRICT;
INSERT INTO "settings" VALUES('store_id','69261919');
INSERT INTO "settings" VALUES('retention_ns','2592000000000000');
COMMIT;
