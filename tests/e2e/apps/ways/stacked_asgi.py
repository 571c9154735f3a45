"""A FastAPI application inside of the ASGI middleware, each with a server span of its own."""

from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from shop_fastapi import app as shop

app = OpenTelemetryMiddleware(shop)
