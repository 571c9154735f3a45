"""What all tests of this directory use."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from api import create_app as create_api
from fastapi.testclient import TestClient
from flask.testing import FlaskClient
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from shop import create_app as create_shop


@pytest.fixture
def event_logs_rules() -> Sequence[str]:
    """Judge the requests as in production: by the application's own rules."""
    return [str(Path(__file__).parent / "rules.toml")]


@pytest.fixture
def shop() -> Iterator[FlaskClient]:
    """Yield a client of the website, instrumented as OpenTelemetry does it."""
    app = create_shop()
    FlaskInstrumentor().instrument_app(app)
    yield app.test_client()
    FlaskInstrumentor.uninstrument_app(app)


@pytest.fixture
def api() -> Iterator[TestClient]:
    """Yield a client of the API, instrumented as OpenTelemetry does it."""
    app = create_api()
    FastAPIInstrumentor.instrument_app(app)
    with TestClient(app) as client:
        yield client
    FastAPIInstrumentor.uninstrument_app(app)
