"""The whole of Stytch's own SDK, method by method, under the real instrumentations of its clients.

Each method calls a stand-in that is reached by the vendor's name, so that the spans are those of an
application in production. What each must become is listed apart, in tests/data/catalogue.
"""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import fastapi
import flask
import httpx
import pydantic
import pytest
import stytch
from opentelemetry.instrumentation.aiohttp_client import AioHttpClientInstrumentor
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from stytch.core.response_base import StytchError

from otel_eventlog.model import EventLog, Status
from tests.support.catalogues import Endpoint, stytch_endpoints
from tests.support.plausible import arguments, body
from tests.support.stand_in import StandIn, free_port, names_on_loopback
from tests.support.tracing import Tracing, tracing

# How the SDK uses aiohttp and pydantic; nothing of ours.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The `dict` method is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]

CLIENTS: dict[str, Any] = {"consumer": stytch.Client, "b2b": stytch.B2BClient}
METHODS = [row for row in stytch_endpoints() if not row.sdk_method.startswith("(")]
LOCAL = {row.sdk_method for row in METHODS if not row.action}
"""Methods that ask nobody: they check a JWT, or a policy, in the process."""
REFUSAL = {
    "status_code": 401,
    "request_id": "request-id-test-1",
    "error_type": "unauthorized_credentials",
    "error_message": "Unauthorized credentials.",
    "error_url": "https://stytch.com/docs/api/errors/401",
}


def as_jwt(text: str) -> str:
    """Return one part of a JWT."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


JWKS = {"keys": [{"kid": "k1", "kty": "RSA", "use": "sig", "n": as_jwt("n" * 256), "e": "AQAB"}]}
JWT = ".".join((as_jwt(json.dumps({"alg": "RS256", "kid": "k1"})), as_jwt("{}"), as_jwt("no")))
"""Well-formed, with a signature that no key has made."""
CLAIMS = {
    "status_code": 200,
    "request_id": "request-id-test-1",
    "active": True,
    "sub": "user-test-1",
    "scope": "openid",
    "aud": ["project-test-1"],
    "exp": 1_800_000_000,
    "iat": 1_790_000_000,
    "nbf": 1_790_000_000,
    "iss": "https://test.stytch.com",
    "token_type": "access_token",
    "https://stytch.com/organization": {"organization_id": "organization-test-1"},
}


@dataclass(frozen=True)
class Stage:
    """What the tests here share: one provider, one stand-in, one instrumentation of each client."""

    traced: Tracing
    vendor: StandIn

    def client(self, api: str, port: int | None = None) -> Any:
        """Return the vendor's client, which finds the stand-in under the vendor's name."""
        port = port or self.vendor.port
        return CLIENTS[api](
            project_id="project-test-1",
            secret="secret-test-1",
            environment=f"http://test.stytch.com:{port}/",
            fraud_environment=f"http://telemetry.stytch.com:{port}/",
        )

    def pair(self) -> tuple[EventLog, EventLog]:
        """Return the one pair that was left, and forget it."""
        events = list(self.traced.events)
        self.traced.events.clear()
        assert [event.status is Status.START for event in events] == [True, False], events
        start, outcome = events
        assert start.request_id == outcome.request_id
        assert start.action == outcome.action
        return start, outcome


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """Both HTTP clients of the SDK instrumented, and every name on this machine."""
    with tracing() as traced, StandIn() as vendor, names_on_loopback():
        vendor.answer_agent("Python-urllib", JWKS)  # keys are fetched by urllib, which has no span
        RequestsInstrumentor().instrument(tracer_provider=traced.provider)
        AioHttpClientInstrumentor().instrument(tracer_provider=traced.provider)
        try:
            yield Stage(traced, vendor)
        finally:
            AioHttpClientInstrumentor().uninstrument()
            RequestsInstrumentor().uninstrument()


@pytest.fixture(autouse=True)
def nothing_left(stage: Stage) -> None:
    """Begin every test with nothing caught."""
    stage.traced.events.clear()
    stage.traced.exporter.clear()


def public_methods(where: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted names of all methods below a client, found by looking at it."""
    for name, part in vars(where).items():
        module = type(part).__module__
        if not module.startswith("stytch.") or ".api." not in module or name.endswith("_cache"):
            continue
        for method, _ in inspect.getmembers(part, callable):
            if not method.startswith("_"):
                yield f"{prefix}{name}.{method}"
        yield from public_methods(part, f"{prefix}{name}.")


def bound(client: Any, dotted: str) -> Callable[..., Any]:
    """Return a client's method by its dotted name."""
    found = client
    for name in dotted.split("."):
        found = getattr(found, name)
    return found  # type: ignore[no-any-return]


def arguments_of(method: Callable[..., Any]) -> dict[str, Any]:
    """Return plausible arguments, with a JWT where one is asked for."""
    return arguments(method) | {
        name: JWT
        for name in inspect.signature(method).parameters
        if name in ("session_jwt", "access_token")
    }


def answer_of(endpoint: Endpoint, method: Callable[..., Any]) -> dict[str, Any]:
    """Return what the vendor answers when all is well, made after what the method returns."""
    returns = get_type_hints(method).get("return")
    if endpoint.sdk_method == "sessions.authenticate_jwt":  # falls back to asking the vendor
        returns = get_type_hints(method.__self__.authenticate)["return"]
    if endpoint.sdk_method == "idp.introspect_token_network":  # returns the claims alone
        return CLAIMS
    if not inspect.isclass(returns):
        returns = next(iter(getattr(returns, "__args__", ())), None)  # what a generator yields
    if inspect.isclass(returns) and issubclass(returns, pydantic.BaseModel):
        return body(returns)
    return {}


def call(stage: Stage, endpoint: Endpoint, way: str, port: int | None = None) -> Any:
    """Call one method of the SDK, in one of its two ways, and return what it returns."""
    if way == "async":
        return asyncio.run(_call_async(stage.client(endpoint.api, port), endpoint))
    method = bound(stage.client(endpoint.api, port), endpoint.sdk_method)
    result = method(**arguments_of(method))
    return list(result) if inspect.isgenerator(result) else result


async def _call_async(client: Any, endpoint: Endpoint) -> Any:
    async with client:
        method = bound(client, endpoint.sdk_method + "_async")
        result = method(**arguments_of(method))
        if inspect.isasyncgen(result):
            return [page async for page in result]
        return await result


def a_row(endpoint: Endpoint) -> str:
    """Return the name of a test case."""
    return f"{endpoint.api}-{endpoint.sdk_method}"


WAYS = pytest.mark.parametrize("way", ["sync", "async"])
ASKING = pytest.mark.parametrize(
    "endpoint", [row for row in METHODS if row.sdk_method not in LOCAL], ids=a_row
)


@pytest.mark.parametrize("api", CLIENTS)
def test_the_list_is_the_sdk(stage: Stage, api: str) -> None:
    """The SDK has exactly the methods that are listed, each in both ways: none is left out."""
    found = list(public_methods(stage.client(api)))
    listed = {row.sdk_method for row in METHODS if row.api == api}
    assert len(found) == len(set(found))
    assert {name for name in found if not name.endswith("_async")} == listed
    both = {name.removesuffix("_async") for name in found if name.endswith("_async")}
    assert both == listed - {"idp.introspect_access_token_local"} - (
        {"rbac.organizations.validate_org_policy"} if api == "b2b" else set()
    )


@WAYS
@ASKING
def test_each_method_is_its_action(stage: Stage, endpoint: Endpoint, way: str) -> None:
    """One call is one pair of the listed action: success, refusal and no answer told apart."""
    method = bound(stage.client(endpoint.api), endpoint.sdk_method)
    stage.vendor.answer(200, answer_of(endpoint, method))
    assert call(stage, endpoint, way), "the SDK took the answer for what it wanted"
    assert len(stage.vendor.asked) == 1
    if endpoint.path:
        assert stage.vendor.asked[0].method == endpoint.http_method
    _, outcome = stage.pair()
    assert (outcome.action, outcome.status) == (endpoint.action, Status.SUCCESS)
    assert outcome.http_status_code == 200
    if endpoint.path:
        assert outcome.http_route == endpoint.path

    stage.vendor.answer(401, REFUSAL)
    with pytest.raises(StytchError) as refused:
        call(stage, endpoint, way)
    assert refused.value.details.error_type == "unauthorized_credentials"
    _, outcome = stage.pair()
    assert (outcome.action, outcome.status) == (endpoint.action, Status.ERROR)
    # The vendor's reason is in the body, which no span shows.
    assert (outcome.http_status_code, outcome.error_type) == (401, "unauthorized")

    if endpoint.sdk_method == "sessions.authenticate_jwt":
        return  # has to fetch the keys first: what is not reachable is not asked
    with pytest.raises(OSError, match=r"[Cc]onnect"):
        call(stage, endpoint, way, port=free_port())
    _, outcome = stage.pair()
    assert (outcome.action, outcome.status) == (endpoint.action, Status.ERROR)
    assert (outcome.http_status_code, outcome.error_type) in [
        (None, "requests.exceptions.ConnectionError"),
        (None, "aiohttp.client_exceptions.ClientConnectorError"),
    ]


@pytest.mark.parametrize("endpoint", [row for row in METHODS if not row.action], ids=a_row)
def test_local_checks_are_no_event_logs(stage: Stage, endpoint: Endpoint) -> None:
    """A method that asks nobody leaves no event log: there was no request."""
    method = bound(stage.client(endpoint.api), endpoint.sdk_method)
    stage.vendor.answer(500, {})
    method(**arguments_of(method))
    assert stage.vendor.asked == []
    stage.traced.events.assert_events()


@pytest.mark.parametrize(("status", "error_type"), [(429, "rate_limited"), (500, "http_500")])
def test_other_refusals(stage: Stage, status: int, error_type: str) -> None:
    """A vendor in trouble is an error with a reason of its own."""
    stage.vendor.answer(status, REFUSAL | {"status_code": status})
    with pytest.raises(StytchError):
        stage.client("consumer").sessions.authenticate(session_token="secret-token-1")
    _, outcome = stage.pair()
    assert (outcome.action, outcome.status) == ("SessionsAuthenticate", Status.ERROR)
    assert outcome.error_type == error_type


def test_no_secret_and_no_identifier_of_a_path_leaves(stage: Stage) -> None:
    """What stands in the body, in the headers or in the path is in no event log."""
    stage.vendor.answer(401, REFUSAL)
    with pytest.raises(StytchError):
        stage.client("consumer").passwords.authenticate(
            email="ada@example.com", password="secret-password-1"
        )
    with pytest.raises(StytchError):
        stage.client("consumer").users.get(user_id="user-test-4711")
    assert len(stage.traced.events) == 4
    stage.traced.events.assert_no_secret(
        "ada@example.com", "secret-password-1", "user-test-4711", "secret-test-1", "project-test-1"
    )


def login_app(stage: Stage) -> flask.Flask:
    """Return an application that has its passwords checked by the vendor."""
    app = flask.Flask("login")
    client = stage.client("consumer")

    @app.post("/login")
    def login() -> tuple[dict[str, str], int]:
        try:
            client.passwords.authenticate(email="ada@example.com", password="secret-password-1")
        except StytchError as error:
            return {"error": str(error.details.error_type)}, 401
        return {}, 200

    FlaskInstrumentor().instrument_app(app, tracer_provider=stage.traced.provider)
    return app


@pytest.mark.parametrize(("status", "said"), [(200, "success"), (401, "error")])
def test_a_login_that_asks_the_vendor_is_one_pair(stage: Stage, status: int, said: str) -> None:
    """The call to the vendor inside a request of the same action is no request of its own."""
    method = stage.client("consumer").passwords.authenticate
    right = body(get_type_hints(method)["return"])
    stage.vendor.answer(status, right if status == 200 else REFUSAL)
    answer = login_app(stage).test_client().post("/login")
    assert answer.status_code == status
    assert len(stage.vendor.asked) == 1, "the vendor was asked"
    stage.traced.events.assert_events(
        "PasswordsAuthenticate start", f"PasswordsAuthenticate {said}"
    )
    outcome = stage.traced.events.outcome()
    assert outcome.http_route == "/login"
    client_span, server_span = stage.traced.exported
    assert dict(client_span.attributes or {})["eventlog.drop"] is True
    assert server_span.context is not None
    assert outcome.span_id == server_span.context.span_id


def test_the_same_for_asyncio(stage: Stage) -> None:
    """Nor is it where the application and the SDK both run in an event loop."""
    app = fastapi.FastAPI()

    @app.post("/login")
    async def login() -> dict[str, str]:
        async with stage.client("consumer") as client:
            await client.passwords.authenticate_async(email="ada@example.com", password="x")
        return {}

    async def post() -> int:
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as browser:
            return (await browser.post("/login")).status_code

    method = stage.client("consumer").passwords.authenticate
    stage.vendor.answer(200, body(get_type_hints(method)["return"]))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=stage.traced.provider)
    try:
        assert asyncio.run(post()) == 200
    finally:
        FastAPIInstrumentor.uninstrument_app(app)
    assert len(stage.vendor.asked) == 1, "the vendor was asked"
    stage.traced.events.assert_events(
        "PasswordsAuthenticate start", "PasswordsAuthenticate success"
    )
