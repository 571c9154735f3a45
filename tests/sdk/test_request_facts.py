"""What a span's attributes say about its request."""

from __future__ import annotations

import pytest

from otel_eventlog.request_facts import path


@pytest.mark.parametrize(
    ("attributes", "found"),
    [
        ({"url.path": "/login", "http.target": "/other"}, "/login"),
        ({"http.target": "/login?next=/"}, "/login"),
        ({"http.target": "https://shop.example/login?next=/"}, "/login"),
        ({"http.url": "https://shop.example/login#x"}, "/login"),
        ({"url.full": "https://shop.example"}, "/"),
        ({"url.full": "https://shop.example?next=/login"}, "/"),
        ({"http.target": "*"}, None),
        ({"http.target": "shop.example:443"}, None),
        ({"http.target": ""}, None),
        ({}, None),
    ],
)
def test_the_path_is_found_and_never_made_up(attributes: dict[str, str], found: str | None) -> None:
    """Under old and new names, without its query; what is no path and no URL tells none."""
    assert path(attributes) == found
