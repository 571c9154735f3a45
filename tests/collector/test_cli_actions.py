"""`otel-eventlog actions` without a place to read: the catalogue, as people and programs see it."""

from __future__ import annotations

import json

import pytest

from otel_eventlog.actions import catalogue
from tests.support.command import command


def test_json_lists_the_whole_catalogue() -> None:
    """Programs get every action once, with its meaning and whether its name is documented."""
    done = command("actions", "--json")
    assert done.code == 0
    listed = {line["action"]: line for line in map(json.loads, done.stdout.splitlines())}
    assert list(listed) == list(catalogue())
    for name, info in catalogue().items():
        assert listed[name]["documented"] is info.documented
        assert listed[name]["meaning"] == info.meaning


def test_people_see_which_names_are_derived(monkeypatch: pytest.MonkeyPatch) -> None:
    """The table says of every name whether it is documented or derived."""
    monkeypatch.setenv("COLUMNS", "400")
    done = command("actions")
    assert done.code == 0
    header, *lines = done.stdout.splitlines()
    assert header.split() == ["ACTION", "CATEGORY", "METHOD", "NAME", "IS", "MEANING"]
    assert len(lines) == len(catalogue())
    for line in lines:
        info = catalogue()[line.split()[0]]
        origin = "documented" if info.documented else "derived"
        assert line.rstrip().endswith(info.meaning)
        assert line.split(info.meaning)[0].split()[-1] == origin
