#!/bin/sh
# Hydra with an SQLite database, behind a gateway that is traced. $1: the environment's programs;
# $HYDRA: Hydra, whose own spans name no path.
set -e
ports=$(python3 -c '
import socket
held = [socket.socket() for _ in range(2)]
for one in held:
    one.bind(("127.0.0.1", 0))
print(*(one.getsockname()[1] for one in held))')
HYDRA_PORT=${ports% *}
HYDRA_ADMIN_PORT=${ports#* }
export HYDRA_PORT HYDRA_ADMIN_PORT
sed -e "s|@PORT@|$PORT|; s|@HYDRA_PORT@|$HYDRA_PORT|; s|@ADMIN_PORT@|$HYDRA_ADMIN_PORT|" \
    -e "s|@DATA_DIR@|$DATA_DIR|" hydra.yml > "$DATA_DIR/hydra.yml"
"$HYDRA" migrate sql -c "$DATA_DIR/hydra.yml" -e --yes
"$HYDRA" serve all -c "$DATA_DIR/hydra.yml" --dev &
exec "$1/opentelemetry-instrument" "$1/python" app.py
