#!/bin/sh
# Kratos with an SQLite database, mail that stays in it, and its own tracing; $KRATOS is the program.
set -e
admin_port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
echo "$admin_port" > "$DATA_DIR/admin-port"
endpoint=${OTEL_EXPORTER_OTLP_ENDPOINT#http://}
sed -e "s|@PORT@|$PORT|; s|@ADMIN_PORT@|$admin_port|; s|@DATA_DIR@|$DATA_DIR|; s|@ENDPOINT@|$endpoint|" \
    kratos.yml > "$DATA_DIR/kratos.yml"
cp identity.schema.json "$DATA_DIR/"
"$KRATOS" migrate sql -c "$DATA_DIR/kratos.yml" -e --yes
exec "$KRATOS" serve -c "$DATA_DIR/kratos.yml" --dev
