"""Route templates of any dialect, and look-ups in the trie."""

from __future__ import annotations

import pytest

from otel_eventlog.templates import TemplateTrie, parse_template, split_path, split_route


def find(template: str, segments: list[str]) -> bool:
    """Say whether one template fits."""
    trie: TemplateTrie[str] = TemplateTrie()
    trie.add(parse_template(template), template)
    return trie.find(segments) == [template]


@pytest.mark.parametrize(
    "template",
    [
        "/users/{id}/totp",
        "users/<id>/totp",
        "/users/<int:id>/totp/",
        "/users/:id/totp",
        "^users/(?P<id>[^/]+)/totp/$",
    ],
)
@pytest.mark.parametrize(
    "route",
    [
        "/users/{user_id}/totp",
        "users/<uuid:u>/totp/",
        "/users/:userId/totp",
        "^users/(?P<pk>[^/.]+)/totp/$",
        "users/^(?P<pk>[^/.]+)/totp$",
    ],
)
def test_any_dialect_fits_any_other(template: str, route: str) -> None:
    """A rule written in one framework's dialect fits the route of every other framework."""
    assert find(template, split_route(route))


@pytest.mark.parametrize(
    ("template", "path", "fits"),
    [
        ("/login", "/login", True),
        ("/login", "/login/", True),
        ("login", "/login", True),
        ("/login", "/login/x", False),
        ("/login", "/Login", False),
        ("/", "/", True),
        ("/users/{id}", "/users/17", True),
        ("/users/{id}", "/users/", False),
        ("/users/{id}", "/users/a%2Fb", True),
        ("/users/{id}/x", "/users/a/b/x", False),
        ("/us%65rs", "/users", True),
        ("/accounts:signUp", "/accounts:signUp", True),
        ("/v1/{name}:verify", "/v1/key:verify", True),
        ("/v1/{name}:verify", "/v1/key:other", False),
        ("/files/{rest:path}", "/files/a/b/c", True),
        ("/files/<path:rest>", "/files", True),
        ("/auth/*", "/auth/x/y", True),
        ("/auth/*", "/other", False),
    ],
)
def test_a_template_fits_paths(template: str, path: str, *, fits: bool) -> None:
    """Placeholders take one whole segment, catch-alls the rest, literals only themselves."""
    assert find(template, split_path(path)) is fits


def test_a_path_is_split_before_it_is_decoded() -> None:
    """An encoded slash stays inside its segment."""
    assert split_path("/v1/users/a%2Fb%2Bc") == ["v1", "users", "a/b+c"]


@pytest.mark.parametrize(
    ("route", "template"),
    [
        (r"accounts/^confirm-email/(?P<key>[-:\w]+)/$", "/accounts/confirm-email/{key}"),
        ("accounts/oidc/^(?P<provider_id>[^/]+)/login/", "/accounts/oidc/{provider}/login"),
        (r"accounts/^reset/(?P<uid>[0-9A-Za-z]+)-(?P<key>.+)/$", "/accounts/reset/{uid}-{key}"),
        (r"o/^\.well-known/jwks\.json/?$", "/o/.well-known/jwks.json"),
        ("^/login$", "/login"),
    ],
)
def test_anchors_and_groups_of_an_included_route_are_seen_through(
    route: str, template: str
) -> None:
    """Django's route under an include, which may be all that a span has, fits as its path would.

    A rule may also be written as that route, and then fits the path.
    """
    assert find(template, split_route(route))
    assert find(route, split_route(route))
    assert find(route, split_path(template.replace("{", "").replace("}", "")))


def test_every_fitting_template_is_found() -> None:
    """Literal, partial, placeholder and catch-all branches are all walked."""
    trie: TemplateTrie[str] = TemplateTrie()
    for template in ("/a/b", "/a/{x}", "/{x}/b", "/a/b{x}", "/*", "/a/c"):
        trie.add(parse_template(template), template)
    assert sorted(trie.find(["a", "b"])) == ["/*", "/a/b", "/a/{x}", "/{x}/b"]
    assert sorted(trie.find(["a", "bc"])) == ["/*", "/a/b{x}", "/a/{x}"]


def test_a_template_of_endless_length_is_refused() -> None:
    """More than 32 segments are no route."""
    with pytest.raises(ValueError, match="32"):
        parse_template("/x" * 33)
