"""A Flask application that sets everything up in code: its own provider, and event logs on it."""

import os

from opentelemetry.instrumentation.flask import FlaskInstrumentor
from own_provider import set_up
from shop_flask import app

import otel_eventlog

provider = set_up()
FlaskInstrumentor().instrument_app(app)
otel_eventlog.install(provider)

if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
