"""Reading `/metrics` as Prometheus does."""

from __future__ import annotations

from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families


@dataclass(frozen=True)
class Figures:
    """One scrape: what each sample said.

    Attributes:
        samples: name → label values (by label name) and value of every sample.
        kinds: family → its type.
        helps: family → what its help says.

    """

    samples: dict[str, list[tuple[dict[str, str], float]]]
    kinds: dict[str, str]
    helps: dict[str, str]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of a name that have these labels, 0 without any."""
        return sum(
            value
            for found, value in self.samples.get(name, ())
            if all(found.get(key) == wanted for key, wanted in labels.items())
        )

    @property
    def unbalanced(self) -> list[str]:
        """Which of the sums that must hold at every moment do not."""
        wrong = []
        for whole, parts in BALANCES.items():
            found = {name: self.total(name) for name in (whole, *parts)}
            if found[whole] != sum(found[name] for name in parts):
                wrong.append(f"{whole} is not the sum of its parts: {found}")
        return wrong


BALANCES = {
    "eventlog_records_received_total": (
        "eventlog_records_dropped_total",
        "eventlog_records_rejected_total",
        "eventlog_records_taken_total",
        "eventlog_records_refused_total",
        "eventlog_records_in_process",
    ),
    "eventlog_events_total": (
        "eventlog_events_stored_total",
        "eventlog_events_replaced_total",
        "eventlog_events_duplicate_total",
        "eventlog_events_conflicting_total",
        "eventlog_events_rejected_total",
        "eventlog_events_refused_total",
        "eventlog_events_waiting",
    ),
}
"""What came in = what became of it: docs/operations.md."""


def scrape(url: str) -> Figures:
    """Read all figures of a collector."""
    with httpx.Client(base_url=url, trust_env=False, timeout=20) as client:
        answer = client.get("/metrics")
        answer.raise_for_status()
    return parse(answer.text)


def parse(text: str) -> Figures:
    """Read all figures of an answer, with Prometheus' own parser."""
    samples: dict[str, list[tuple[dict[str, str], float]]] = {}
    kinds: dict[str, str] = {}
    helps: dict[str, str] = {}
    for family in text_string_to_metric_families(text):
        kinds[family.name] = family.type
        helps[family.name] = family.documentation
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return Figures(samples, kinds, helps)
