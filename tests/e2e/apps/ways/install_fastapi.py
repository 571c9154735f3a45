"""A FastAPI application that sets everything up in code: its own provider, and event logs on it."""

import os

import uvicorn
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from own_provider import set_up
from shop_fastapi import app

import otel_eventlog

provider = set_up()
FastAPIInstrumentor.instrument_app(app)
otel_eventlog.install(provider)

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
