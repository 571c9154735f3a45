#!/bin/sh
# Kratos without tracing of its own, behind a gateway that has some. $1: the environment's programs;
# $KRATOS: Kratos; $KRATOS_FILES: its settings, those of the capture `kratos`.
set -e
ports=$(python3 -c '
import socket
held = [socket.socket() for _ in range(2)]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))')
KRATOS_PORT=${ports% *}
export KRATOS_PORT
sed -e "/^tracing:/,\$d" -e "s|base_url: http://127.0.0.1:@PORT@/|base_url: http://127.0.0.1:$PORT/|" \
    -e "s|@PORT@|$KRATOS_PORT|; s|@ADMIN_PORT@|${ports#* }|; s|@DATA_DIR@|$DATA_DIR|" \
    "$KRATOS_FILES/kratos.yml" > "$DATA_DIR/kratos.yml"
cp "$KRATOS_FILES/identity.schema.json" "$DATA_DIR/"
"$KRATOS" migrate sql -c "$DATA_DIR/kratos.yml" -e --yes
"$KRATOS" serve -c "$DATA_DIR/kratos.yml" --dev &
exec "$1/opentelemetry-instrument" "$1/python" app.py
