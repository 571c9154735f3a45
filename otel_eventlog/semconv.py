"""Every attribute name that we read or write, under its old and its new convention.

Copied strings, on purpose: `opentelemetry-semantic-conventions` is a 0.NN beta and would pin users.
The first name of each tuple is the current stable one.
"""

from __future__ import annotations

# --- read from spans ---------------------------------------------------------------------------
HTTP_METHOD = ("http.request.method", "http.method")
HTTP_ROUTE = ("http.route",)
HTTP_STATUS_CODE = ("http.response.status_code", "http.status_code")
URL_PATH = ("url.path",)
URL_QUERY = ("url.query",)
URL_FULL = ("url.full", "http.url")
HTTP_TARGET = ("http.target",)
"""Old convention: path and query string in one."""
SERVER_ADDRESS = ("server.address", "http.host", "net.host.name", "net.peer.name")
CLIENT_ADDRESS = ("client.address", "http.client_ip", "net.sock.peer.addr", "net.peer.ip")
USER_AGENT = ("user_agent.original", "http.user_agent")
RPC_SYSTEM = ("rpc.system", "rpc.system.name")
RPC_SERVICE = ("rpc.service",)
RPC_METHOD = ("rpc.method",)
RPC_GRPC_STATUS_CODE = ("rpc.grpc.status_code", "rpc.response.status_code")
USER_ID = ("eventlog.user_id", "user.id", "enduser.id")
ERROR_TYPE = ("error.type",)
EXCEPTION_EVENT = "exception"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"

# Captured headers come with dashes (the convention) or underscores (Python before 0.60).
RESPONSE_LOCATION = ("http.response.header.location",)
RESPONSE_CONTENT_TYPE = (
    "http.response.header.content-type",
    "http.response.header.content_type",
)
REQUEST_CORRELATION_ID = (
    "http.request.header.x-request-id",
    "http.request.header.x_request_id",
    "http.request.header.x-correlation-id",
    "http.request.header.x_correlation_id",
)

# --- resource ----------------------------------------------------------------------------------
SERVICE_NAME = ("service.name",)
SERVICE_NAMESPACE = ("service.namespace",)
SERVICE_VERSION = ("service.version",)
DEPLOYMENT_ENVIRONMENT = ("deployment.environment.name", "deployment.environment")

# --- ours, on spans (the application says so) and on log records -------------------------------
EVENTLOG_PREFIX = "eventlog."
EVENTLOG_ACTION = "eventlog.action"
EVENTLOG_REQUEST_ID = "eventlog.request_id"
EVENTLOG_STATUS = "eventlog.status"
EVENTLOG_DROP = "eventlog.drop"
"""True on a span that matches a rule but belongs to another span's request (stacked
instrumentations): it yields no event log of its own, anywhere."""
EVENTLOG_START_TIME = "eventlog.start_time_unix_nano"
EVENTLOG_ATTRIBUTES = "eventlog.attributes"

EVENT_NAME_PREFIX = "eventlog."
EVENT_NAMES = ("eventlog.start", "eventlog.success", "eventlog.error")

SCOPE_NAME = "otel_eventlog"
