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

    """

    samples: dict[str, list[tuple[dict[str, str], float]]]
    kinds: dict[str, str]

    def total(self, name: str, **labels: str) -> float:
        """Return the sum of all samples of a name that have these labels, 0 without any."""
        return sum(
            value
            for found, value in self.samples.get(name, ())
            if all(found.get(key) == wanted for key, wanted in labels.items())
        )


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
    for family in text_string_to_metric_families(text):
        kinds[family.name] = family.type
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return Figures(samples, kinds)
