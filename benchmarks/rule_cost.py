"""What a look at the rules costs, with ten of them and with two thousand.

A miss must not cost more because there are more rules: that is what every unwanted span pays.
Rounds of both sizes alternate; medians of the thread's processor time.

    python -m benchmarks.rule_cost [--rounds 15]
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Mapping
from typing import Any

from otel_eventlog.model import SpanKind
from otel_eventlog.rules import Rule, RuleGroup
from otel_eventlog.ruleset import RuleSet

FEW, MANY = 10, 2_000
CALLS = 20_000
SERVER, CLIENT = int(SpanKind.SERVER), int(SpanKind.CLIENT)

Span = tuple[int, Mapping[str, Any]]


def rule_set(count: int) -> RuleSet:
    """Return rules of every sort: by route, by path, by host, by RPC, by attribute."""
    rules = []
    for n in range(count // 5):
        rules += [
            Rule(f"r{n}", "Found", methods=frozenset({"POST"}), route=f"/api/v1/service{n}/login"),
            Rule(f"p{n}", "Found", route=f"/tenants/{{tenant}}/service{n}/{{user}}/verify"),
            Rule(f"h{n}", "Found", kind="client", route=f"/v1/call{n}", host=(f"*.vendor{n}.com",)),
            Rule(f"g{n}", "Found", rpc_service=f"auth.v1.Service{n}", rpc_method="Login"),
            Rule(f"a{n}", "Found", attributes={"app.kind": f"kind{n}"}),
        ]
    return RuleSet([RuleGroup("benchmark", tuple(rules))])


def http(route: str | None, path: str, **more: Any) -> Span:
    """Return an incoming request."""
    told = {"http.method": "POST", "http.target": path, "http.scheme": "http", **more}
    if route is not None:
        told["http.route"] = route
    return SERVER, told


SPANS: Mapping[str, Span] = {
    "miss: a route": http("/articles/{number}", "/articles/7"),
    "miss: a route beside many": http("/api/v1/articles/{number}", "/api/v1/articles/7"),
    "miss: no route": http(None, "/api/v1/articles/7"),
    "miss: another attribute": http("/articles", "/articles", **{"app.kind": "other"}),
    "miss: a call to another host": (CLIENT, {"http.url": "https://billing.example/v1/call1"}),
    "miss: another RPC": (SERVER, {"rpc.service": "shop.Cart", "rpc.method": "Add"}),
    "hit: a route": http("/api/v1/service1/login", "/api/v1/service1/login"),
    "hit: a path with placeholders": http(None, "/tenants/acme/service1/ada/verify"),
}


def cost_us(rules: RuleSet, span: Span) -> float:
    """Return microseconds of one look."""
    kind, attributes = span
    match = rules.match
    began = time.thread_time_ns()
    for _ in range(CALLS):
        match(kind, attributes, "scope")
    return (time.thread_time_ns() - began) / CALLS / 1_000


def main(arguments: list[str] | None = None) -> None:
    """Run and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(arguments)
    few, many = rule_set(FEW), rule_set(MANY)
    print(f"{'µs a look':34} {FEW:>8} rules {MANY:>8} rules    ratio")
    for title, span in SPANS.items():
        measured = [(cost_us(few, span), cost_us(many, span)) for _ in range(options.rounds)]
        less, more = (statistics.median(pair[n] for pair in measured) for n in (0, 1))
        ratio = statistics.median(b / a for a, b in measured)
        print(f"{title:34} {less:14.2f} {more:14.2f} {ratio:8.2f}", flush=True)


if __name__ == "__main__":
    main()
