"""The express way remembers within bounds, whoever sends, and forgets without harm."""

from __future__ import annotations

import random
from typing import Any

import pytest

from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank, SpanData
from otel_eventlog.privacy import Privacy
from otel_eventlog.rulefile import load_rule_set
from otel_eventlog_collector.otlp import attribute_tokens, express
from otel_eventlog_collector.otlp.encode import Encoding
from otel_eventlog_collector.otlp.records import DecodedSpans
from otel_eventlog_collector.otlp.traces import TraceDecoder
from tests.support import otlp_requests as otlp
from tests.support.builders import rule_set

RULES = rule_set(
    """
    [[rule]]
    name = "login"
    action = "PasswordsAuthenticate"
    method = "POST"
    route = "/login"
    """
)
LOGIN = {
    "http.request.method": "POST",
    "http.route": "/login",
    "url.path": "/login",
    "http.response.status_code": 200,
}


def decoder() -> TraceDecoder:
    """Return one that remembers nothing yet."""
    return TraceDecoder(Mapper(RULES, Privacy(), Rank.DERIVED))


def decoded(by: TraceDecoder, *attributes: dict[str, Any], **changes: Any) -> DecodedSpans:
    """Decode spans of these attributes."""
    spans = [
        otlp.span(number, attributes=otlp.key_values(each), **changes)
        for number, each in enumerate(attributes, 1)
    ]
    return by.decode(otlp.traces(spans).SerializeToString(), Encoding.PROTOBUF)


def test_the_third_span_of_a_shape_is_a_pair_at_once() -> None:
    """One seen once is no shape yet; the second one teaches it."""
    by = decoder()
    turns = [decoded(by, LOGIN | {"user.id": f"u-{number}"}) for number in range(3)]
    assert [(len(each.spans), len(each.pairs)) for each in turns] == [(1, 0), (1, 0), (0, 1)]
    assert turns[2].pairs[0].user_id == "u-2"


def test_pairs_of_one_shape_share_their_template() -> None:
    """A store looks a template up by identity: equal ones are one, over all shapes."""
    by = decoder()
    shapes = [LOGIN | {"app.unread": value} for value in ("a", "b")]
    for _ in range(3):
        last = decoded(by, *shapes, *shapes)
    assert len(last.pairs) == 4
    assert len({id(pair.template) for pair in last.pairs}) == 1


def test_who_is_remembered_does_not_depend_on_who_logs_in() -> None:
    """Texts that are only copied are no part of a shape, whatever they hold."""
    by = decoder()
    for number in range(3):
        last = decoded(by, *[LOGIN | {"user.id": f"u-{number}-{n}"} for n in range(100)])
    assert len({pair.user_id for pair in last.pairs}) == 100


def test_spans_that_are_all_different_grow_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hostile values, names, shapes, resources and scopes stay within the limits."""
    monkeypatch.setattr(express, "SHAPES_REMEMBERED_MAX", 64)
    monkeypatch.setattr(express, "SHAPES_SEEN_MAX", 256)
    monkeypatch.setattr(express, "RESOURCES_REMEMBERED_MAX", 16)
    monkeypatch.setattr(attribute_tokens, "ENCODINGS_REMEMBERED_MAX", 512)
    monkeypatch.setattr(attribute_tokens, "UNREAD_NAMES_MAX", 64)
    by = decoder()
    rng = random.Random(3)

    def hostile() -> dict[str, Any]:
        return LOGIN | {
            "error.type": rng.randbytes(8).hex(),
            "http.response.status_code": rng.randrange(10_000),
            f"app.{rng.randrange(10_000)}": rng.randbytes(rng.randrange(60)).hex(),
            "app.unread": rng.randbytes(30).hex(),
            "url.path": f"/{rng.randbytes(6).hex()}",
        }

    def turn(number: int) -> None:
        spans = [
            otlp.span(n + 1, attributes=otlp.key_values(each))
            for n in range(20)
            for each in [hostile()]
            for _ in range(3)
        ]
        request = otlp.traces(spans, f"shop-{number}", f"scope-{number}")
        by.decode(request.SerializeToString(), Encoding.PROTOBUF)

    for number in range(60):
        turn(number)
    known = by.express
    assert known is not None
    assert all(size <= 512 for size in known.sizes().values()), known.sizes()


def test_a_mistake_of_ours_while_learning_costs_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The span goes on to where mapping it fails, is counted and told."""

    class Faulty(Mapper):
        def pair(self, span: SpanData, match: Any, notes: Any = None) -> Any:
            raise ZeroDivisionError

    by = TraceDecoder(Faulty(RULES, Privacy(), Rank.DERIVED))
    for _ in range(4):
        last = decoded(by, LOGIN)
        assert (len(last.spans), len(last.matches), last.rejected) == (1, 1, 0)


def test_an_attribute_that_nobody_told_apart_sends_its_shape_the_full_way() -> None:
    """Should a new field read an attribute that no table names, it costs speed and no truth."""

    class Newer(Mapper):
        def pair(self, span: SpanData, match: Any, notes: Any = None) -> Any:
            span.attributes.get("app.new_field")
            return super().pair(span, match, notes)

    by = TraceDecoder(Newer(RULES, Privacy(), Rank.DERIVED))
    for _ in range(4):
        last = decoded(by, LOGIN)
    assert (len(last.spans), len(last.pairs)) == (1, 0)


def test_every_attribute_that_is_read_is_told_apart() -> None:
    """The tables of the mapper name all that the rules, the outcome and the fields ask for."""
    mapper = Mapper(load_rule_set(), Privacy(), Rank.DERIVED)
    assert not mapper.few_valued & mapper.many_valued
    assert not mapper.where & (mapper.few_valued | mapper.many_valued)
    by = TraceDecoder(mapper)
    for _ in range(3):
        last = decoded(by, LOGIN | {"user.id": "u-1"}, LOGIN | {"http.response.status_code": 500})
    assert len(last.pairs) == 2


@pytest.mark.parametrize(
    "changes",
    [
        {"events": [{"name": "exception", "attributes": otlp.key_values({"a": "b"})}]},
        {"attributes": otlp.key_values(LOGIN) + otlp.key_values({"http.route": "/login"})},
        {"attributes": otlp.key_values(LOGIN | {"user.id": 7})},
        {"attributes": otlp.key_values(LOGIN | {"user.id": ""})},
        {"attributes": otlp.key_values(LOGIN | {"user.id": "x" * 500})},
    ],
)
def test_what_is_special_goes_the_full_way(changes: dict[str, Any]) -> None:
    """Exceptions, repeated attributes, values of another kind or size: each time."""
    by = decoder()
    body = otlp.traces([otlp.span(1, **({"attributes": otlp.key_values(LOGIN)} | changes))])
    for _ in range(4):
        last = by.decode(body.SerializeToString(), Encoding.PROTOBUF)
    assert (len(last.spans), len(last.matches), len(last.pairs)) == (1, 1, 0)
