"""An auth service over gRPC with a client of its own; messages are JSON, so nothing is generated.

    POST /CALL   {"service": …, "method": …, "message": {…}, "nobody": false}

makes one call in the caller's trace and answers with what the client got: a message, or a code.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent import futures
from typing import Any

import grpc
from vendor import listen

SALT = os.urandom(16)


def hashed(password: str) -> bytes:
    """Return what is kept of a password."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, 10_000)


USERS = {"ada@example.com": hashed("correct-horse")}
SESSIONS: dict[str, str] = {}
Message = dict[str, Any]


def log_in(request: Message, context: grpc.ServicerContext) -> Message:
    """Check a password; the usual way to refuse: abort."""
    if request.get("attempts", 0) > 5:
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too many attempts")
    if USERS.get(request["email"]) != hashed(request["password"]):
        context.abort(grpc.StatusCode.UNAUTHENTICATED, "wrong e-mail address or password")
    token = secrets.token_urlsafe(16)
    SESSIONS[token] = request["email"]
    return {"token": token}


def check_session(request: Message, context: grpc.ServicerContext) -> Message:
    """Check a session; the other way to refuse: set the code and return."""
    if request["token"] not in SESSIONS:
        context.set_code(grpc.StatusCode.UNAUTHENTICATED)
        context.set_details("no such session")
        return {}
    return {"email": SESSIONS[request["token"]]}


def register(request: Message, context: grpc.ServicerContext) -> Message:
    """Make a user; forgets to catch what goes wrong with a message without a password."""
    if request["email"] in USERS:
        context.abort(grpc.StatusCode.ALREADY_EXISTS, "taken")
    USERS[request["email"]] = hashed(request["password"])
    return {}


def log_out(request: Message, context: grpc.ServicerContext) -> Message:
    """End a session."""
    del context
    SESSIONS.pop(request["token"], None)
    return {}


def watch(request: Message, context: grpc.ServicerContext) -> Iterator[Message]:
    """Send the sessions of a user; breaks off for a user who may not look."""
    for email in SESSIONS.values():
        yield {"email": email}
    if not request.get("allowed"):
        context.abort(grpc.StatusCode.PERMISSION_DENIED, "not allowed to see more")


def sign_keys(request: Message, context: grpc.ServicerContext) -> Message:
    """Give the keys that sign tokens: what other services call."""
    if request.get("fail"):
        context.abort(grpc.StatusCode.INTERNAL, "no keys")
    return {"keys": []}


def health(request: Message, context: grpc.ServicerContext) -> Message:
    """Say that all is well."""
    del request, context
    return {"status": "SERVING"}


def read(raw: bytes) -> Message:
    """Return a message."""
    found: Message = json.loads(raw)
    return found


def written(message: Message) -> bytes:
    """Return a message as it is sent."""
    return json.dumps(message).encode()


def unary(handler: Callable[..., Any]) -> grpc.RpcMethodHandler:
    """Return a handler of one message for one message."""
    return grpc.unary_unary_rpc_method_handler(handler, read, written)


HANDLERS = {
    "acme.auth.v1.Auth": {
        "LogIn": unary(log_in),
        "CheckSession": unary(check_session),
        "Register": unary(register),
        "LogOut": unary(log_out),
        "WatchSessions": grpc.unary_stream_rpc_method_handler(watch, read, written),
    },
    "acme.keys.v1.Keys": {"GetKeys": unary(sign_keys)},
    "grpc.health.v1.Health": {"Check": unary(health)},
}


def main() -> None:
    """Run both sides."""
    server = grpc.server(futures.ThreadPoolExecutor(4))
    for service, methods in HANDLERS.items():
        handler = grpc.method_handlers_generic_handler(service, methods)
        server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()

    def run(method: str, path: str, body: bytes) -> tuple[int, Any, dict[str, str]]:
        del method, path
        asked = json.loads(body)
        name = f"/{asked['service']}/{asked['method']}"
        with grpc.insecure_channel(f"127.0.0.1:{1 if asked['nobody'] else port}") as channel:
            try:
                if asked["method"] == "WatchSessions":
                    call = channel.unary_stream(name, written, read)
                    return 200, {"returned": list(call(asked["message"], timeout=20))}, {}
                returned = channel.unary_unary(name, written, read)(asked["message"], timeout=20)
            except grpc.RpcError as error:
                return 200, {"raised": error.code().name}, {}
            return 200, {"returned": returned}, {}

    listen(run)


main()
