"""`otel-eventlog rules explain`: which rule, why, what outcome, what is kept, and near misses."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor
from opentelemetry.sdk.trace.sampling import ALWAYS_ON
from opentelemetry.trace import SpanKind

from otel_eventlog_collector.rule_tools.spans import spans_from_json
from tests.support.command import Done, command

RULES = """\
[[rule]]
name = "strict"
action = "StrictLogin"
method = "POST"
route = "/login"
query = "tenant"
attributes = { "app.mode" = "strict" }

[[rule]]
name = "plain"
action = "PlainLogin"
method = "POST"
route = "/login"
keep = ["app.tenant", "app.note", "app.absent"]

[[rule.outcome]]
when = { status = [302], location = "/login" }
status = "error"
error_type = "invalid_credentials"

[[rule.outcome]]
when = { status = [202] }
status = "success"
next_step = "second_factor"

[[rule.outcome]]
when = { status = [204] }
status = "none"

[[rule]]
name = "off"
drop = true
route = "/status"

[[rule]]
name = "vault"
action = "VaultOpen"
method = "POST"
route = "/api/v1/vault/{id}/open"
"""


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """Return a rule file."""
    path = tmp_path / "auth.toml"
    path.write_text(RULES)
    return path


def explain(rules: Path, *words: object) -> Done:
    """Ask about a request."""
    return command("rules", "explain", *words, "--rules", rules)


def test_the_rule_is_named_with_its_line_and_why_it_fits(rules: Path) -> None:
    """Which rule, from where, and each of its conditions beside what the request shows."""
    done = explain(rules, "POST", "/login")
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert done.code == 0
    assert lines[:5] == [
        "POST /login (server span) is PlainLogin",
        f"by rule 'plain' of {rules}:9",
        "`kind` server fits",
        "`method` POST fits",
        "`route` /login fits http.route /login",
    ]
    assert "Its start waits for its end, because the rule may conclude" in done.stdout
    assert "Outcome" not in done.stdout


def test_a_rule_that_should_have_gone_first_is_told_with_what_it_lacks(rules: Path) -> None:
    """Near misses before the rule that fits, and rules after it that fit too, are both told."""
    lines = [line.strip() for line in explain(rules, "POST", "/login").stdout.splitlines()]
    at = lines.index(f"Almost: rule 'strict' of {rules}:1 would go first, and does not fit:")
    assert lines[at + 1 : at + 3] == [
        "`query` wants tenant, the span has no query parameters",
        "`attributes` wants app.mode = strict, the span has not there",
    ]
    assert "Asked later, and fitting too: rule 'login' of pack common:5" in lines
    words = ("POST", "/login?tenant=a", "--attribute", "app.mode=strict")
    assert "is StrictLogin" in explain(rules, *words).stdout


def test_who_is_taken_by_no_rule_learns_which_is_nearest(rules: Path) -> None:
    """With exit code 1: a method that does not fit, or a route spelled a little otherwise."""
    done = explain(rules, "PUT", "/api/v1/vault/7/open")
    assert done.code == 1
    assert "`method` wants POST, the span has PUT" in done.stdout
    assert "no rule takes PUT /api/v1/vault/7/open (server span)" in done.stderr
    done = explain(rules, "POST", "/api/v2/vault/7/open")
    assert done.code == 1
    assert "`route` wants /api/v1/vault/{id}/open, the span has http.route /api/v2" in done.stdout
    done = explain(rules, "POST", "/orders")
    assert "Almost" not in done.stdout
    assert explain(rules, "POST", "/status").code == 1
    assert "a rule drops it" in explain(rules, "POST", "/status").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--status", 302, "--location", "/login?next=1"), "Outcome: error (rule)"),
        (("--status", 302, "--location", "/login?next=1"), "error_type invalid_credentials"),
        (("--status", 302, "--location", "/me?code=s3cret"), "Outcome: success (http)"),
        (("--status", 302, "--location", "/me?code=s3cret"), "wants /login, the span has /me"),
        (("--status", 202), "next_step second_factor"),
        (("--status", 204), "Outcome: none. The rule concludes that nothing was attempted"),
        (("--status", 405), "Outcome: none. A server's 405 is never an attempt"),
        (("--status", 401), "Outcome: error (http). It is an error because it was answered with"),
        (("--exception", "app.Boom", "--span-status", "error"), "Outcome: error (exception)"),
        (("--span-status", "error"), "Outcome: error (span)"),
        (("--content-type", "text/html"), "Outcome: error (aborted)"),
        (
            ("--status", 202, "--attribute", "eventlog.status=error"),
            "outcome 2 of the rule holds, and comes too late",
        ),
        (("--status", 200, "--attribute", "app.tenant=acme"), "Kept: app.tenant = acme"),
        (
            ("--status", 200, "--attribute", "app.note=ask ada@acme.example"),
            "Kept: app.note = ask [redacted] (what looked like a secret was taken out)",
        ),
        (("--status", 200), "In `keep`, and not on the span: app.tenant, app.note, app.absent"),
        (
            ("--status", 200, "--attribute", "user.password=x"),
            "Never kept, may hold a secret: url.path, user.password",
        ),
        (
            ("--status", 200, "--attribute", "app.cart=7"),
            "Not kept, no `keep` names it: app.cart",
        ),
    ],
)
def test_the_outcome_is_told_with_its_source(
    rules: Path, words: tuple[object, ...], told: str
) -> None:
    """Success or error, what decided, which condition held, and what of the span stays."""
    done = explain(rules, "POST", "/login", *words)
    assert done.code == 0
    assert told in done.stdout
    assert "s3cret" not in done.stdout


def test_json_says_the_same_to_programs(rules: Path) -> None:
    """One object with rule, conditions, outcome, near misses and what is kept."""
    words = ("--status", 302, "--location", "/login", "--attribute", "app.tenant=acme", "--json")
    (line,) = explain(rules, "POST", "/login", *words).stdout.splitlines()
    found = json.loads(line)
    assert found["action"] == "PlainLogin"
    assert found["rule"] == {"name": "plain", "source": str(rules), "line": 9}
    assert [each["holds"] for each in found["conditions"]] == [True, True, True]
    assert found["near_misses"][0]["rule"]["name"] == "strict"
    assert found["outcome"]["error_type"] == "invalid_credentials"
    assert found["outcome_conditions"][0]["holds"] is True
    assert (found["kept"], found["holds_start"]) == ({"app.tenant": "acme"}, True)
    missed = explain(rules, "POST", "/orders", "--json")
    assert missed.code == 1
    assert json.loads(missed.stdout)["action"] is None


SPAN = {
    "kind": 2,
    "attributes": [
        {"key": "http.method", "value": {"stringValue": "POST"}},
        {"key": "http.target", "value": {"stringValue": "/login?x=1"}},
        {"key": "http.status_code", "value": {"intValue": 302}},
        {"key": "http.response.header.location", "value": {"stringValue": "/login"}},
    ],
}


@pytest.mark.parametrize(
    "wrap",
    [
        json.dumps,
        lambda span: json.dumps(span, indent=1),
        lambda span: json.dumps({"scopeSpans": [{"spans": [span | _IDS]}]}),
        lambda span: json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span | _IDS]}]}]}),
        lambda span: "\n" + json.dumps(span) + "\n\n",
        lambda span: json.dumps([span]),
    ],
    ids=["span", "indented", "resourceSpans", "request", "line", "list"],
)
def test_a_span_is_taken_in_whatever_form_it_is_at_hand(rules: Path, wrap: Any) -> None:
    """One span without ids, a whole export request, or one of these a line."""
    file = rules.parent / "span.json"
    file.write_text(wrap(SPAN))
    done = explain(rules, "--span", file)
    assert done.code == 0, done
    assert "is PlainLogin" in done.stdout
    assert "`route` /login fits path /login" in done.stdout
    assert "error_type invalid_credentials" in done.stdout
    for words in ((file,), (wrap(SPAN),)):
        assert explain(rules, *words).stdout == done.stdout


_IDS = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "startTimeUnixNano": "1795419852646225529",
}


def test_a_trace_downloaded_from_jaeger_is_explained(rules: Path) -> None:
    """What a person sees in Jaeger can be asked about: its JSON, of one trace or several."""
    tags = {
        "span.kind": "server",
        "http.method": "POST",
        "http.target": "/login?x=1",
        "http.status_code": 500,
        "otel.status_code": "ERROR",
        "otel.library.name": "opentelemetry.instrumentation.flask",
    }
    exception = {"event": "exception", "exception.type": "app.Boom"}
    span = {
        "traceID": "0af7651916cd43dd8448eb211c80319c",
        "spanID": "b7ad6b7169203331",
        "operationName": "POST /login",
        "startTime": 1795419852646225,
        "duration": 12000,
        "tags": [{"key": key, "type": "x", "value": value} for key, value in tags.items()],
        "logs": [{"fields": [{"key": k, "value": v} for k, v in exception.items()]}],
        "processID": "p1",
    }
    processes = {"p1": {"serviceName": "shop", "tags": []}}
    file = rules.parent / "trace.json"
    file.write_text(json.dumps({"data": [{"spans": [span], "processes": processes}]}))
    done = explain(rules, "--span", file)
    assert done.code == 0, done
    assert "is PlainLogin" in done.stdout
    assert "Outcome: error (exception)" in done.stdout
    assert "error_type app.Boom" in done.stdout
    (found,) = spans_from_json(file.read_text())
    assert found.scope_name == "opentelemetry.instrumentation.flask"
    assert found.resource["service.name"] == "shop"


def test_what_the_console_exporter_prints_is_explained(rules: Path) -> None:
    """Spans as the SDK itself prints them, one after the other, are taken as they are."""
    printed = io.StringIO()
    provider = TracerProvider(sampler=ALWAYS_ON)
    provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter(out=printed)))
    tracer = provider.get_tracer("tests")
    for status in (202, 302):
        attributes = {"http.request.method": "POST", "http.route": "/login"}
        with tracer.start_as_current_span("POST", kind=SpanKind.SERVER, attributes=attributes) as s:
            s.set_attribute("http.response.status_code", status)
            s.set_attribute("http.response.header.location", ["/login"])
    provider.shutdown()
    file = rules.parent / "printed.txt"
    file.write_text(printed.getvalue())
    done = explain(rules, "--span", file)
    assert done.code == 0, done
    assert done.stdout.count("is PlainLogin") == 2
    assert "next_step second_factor" in done.stdout
    assert "error_type invalid_credentials" in done.stdout


def test_a_span_that_says_itself_what_it_is_needs_no_rule(rules: Path) -> None:
    """Its own action, and that it belongs to another span's request, are told as the reason."""
    done = explain(rules, "GET", "/x", "--attribute", "eventlog.action=Mine", "--status", 200)
    assert done.code == 0
    assert "is Mine, because its attribute `eventlog.action` says so" in done.stdout
    done = explain(rules, "POST", "/status", "--attribute", "eventlog.action=Mine")
    assert "is Mine" in done.stdout
    assert "'off'" not in done.stdout
    done = explain(rules, "POST", "/login", "--attribute", "eventlog.drop=true")
    assert done.code == 1
    assert "it belongs to the request of another span" in done.stdout


def test_a_pack_that_would_take_it_is_named() -> None:
    """Who has a pack switched off learns that it is the one to switch on."""
    words = ("rules", "explain", "POST", "/login", "--no-default-packs")
    done = command(*words)
    assert done.code == 1
    assert "switch on a pack that takes it: common" in done.stderr
    assert "common" in json.loads(command(*words, "--json").stdout)["packs"]
    done = command("rules", "explain", "POST", "/nothing/of/ours", "--json")
    assert json.loads(done.stdout)["packs"] == []
    assert "no pack takes it either: add a rule" in done.stderr


@pytest.mark.parametrize("opening", ['{"data":', "[", '{"result":'])
def test_json_that_is_nested_without_end_is_refused(rules: Path, opening: str) -> None:
    """However deep, it costs neither the stack nor a traceback."""
    file = rules.parent / "deep.json"
    closing = {"{": "}", "[": "]"}[opening[0]]
    for depth in (900, 200_000):
        file.write_text(opening * depth + "{}" + closing * depth)
        done = explain(rules, "--span", file)
        assert done.code == 2
        assert "Traceback" not in done.stderr


def test_an_event_log_of_ours_can_be_asked_about_too(
    rules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A line of `query --json` stands for its span: its method, route and status are judged."""
    event = {"event_id": "x", "action": "Old", "http_method": "POST", "http_route": "/login"}
    line = json.dumps(event | {"http_status_code": 202, "user_id": None, "attributes": {}})
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(line.encode())))
    done = explain(rules, "--span", "-")
    assert done.code == 0, done
    assert "is PlainLogin" in done.stdout
    assert "next_step second_factor" in done.stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ((), "say METHOD and PATH"),
        (("POST",), "say METHOD and PATH"),
        (("POST", "/x", "--attribute", "x"), "write name=value"),
        (("POST", "/x", "--span", "FILE"), "a span tells all of a request"),
        (("--span", "FILE", "--status", 200), "is not JSON"),
        (("x" * 5000,), "say METHOD and PATH"),
        (("{}",), "the span is no OTLP span"),
        (("--span", "absent.json"), "cannot be read"),
        (("--span", "FILE"), "is not JSON"),
    ],
)
def test_what_is_asked_wrongly_is_told(rules: Path, words: tuple[str, ...], told: str) -> None:
    """Exit code 2, and what to write instead."""
    done = explain(rules, *(rules if word == "FILE" else word for word in words))
    assert done.code == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
