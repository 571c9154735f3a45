"""An instrumented Flask application inside of the WSGI middleware."""

from opentelemetry.instrumentation.wsgi import OpenTelemetryMiddleware
from shop_flask import app as shop

app = OpenTelemetryMiddleware(shop)
