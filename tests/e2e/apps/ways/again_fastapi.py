"""A FastAPI application that switches event logs on by itself, again and again."""

import os

import uvicorn
from opentelemetry import trace
from shop_fastapi import app

import otel_eventlog
from otel_eventlog.instrumentor import EventLogInstrumentor

otel_eventlog.install()
otel_eventlog.install(trace.get_tracer_provider())
EventLogInstrumentor().instrument(endpoint=os.environ["OTEL_EVENTLOG_ENDPOINT"])

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
