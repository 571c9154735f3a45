"""Rule files: read whole, every mistake told at once with line and hint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.errors import RuleError
from otel_eventlog.rulecheck import OUTCOME_KEYS, RULE_KEYS, WHEN_KEYS
from otel_eventlog.rulefile import (
    DEFAULT_PACKS,
    load_rule_file,
    load_rule_set,
    pack_names,
    parse_rules,
)
from otel_eventlog.rules import Conclusion
from otel_eventlog.ruleset import RuleSet
from tests.support.builders import only_rule

WHOLE = """
[[rule]]
name = "login"
action = "PasswordsAuthenticate"
kind = "server"
method = ["post", "PUT"]
route = "/login"
host = "Shop.example"
query = "x"
scope = ["*.flask"]
attributes = { "app.kind" = "sso" }
keep = ["app.tenant", "http.response.status_code"]

[[rule.outcome]]
when.status = [200]
when.content_type = "Text/HTML"
when.location = "/a*"
when.query = ["q"]
when.exception = true
status = "error"
error_type = "invalid_credentials"

[[rule.outcome]]
when = { rpc_status = ["UNAUTHENTICATED", 7], attributes = { "auth.ok" = true } }
status = "none"
"""


def mistakes(text: str) -> list[str]:
    """Return what is told about a rule file."""
    with pytest.raises(RuleError) as caught:
        parse_rules(text, "my.toml")
    return list(caught.value.mistakes)


def test_every_key_is_read() -> None:
    """What section 5 of the specification lists arrives in the rule."""
    rule = only_rule(WHOLE)
    assert (rule.name, rule.action, rule.kind) == ("login", "PasswordsAuthenticate", "server")
    assert rule.methods == {"POST", "PUT"}
    assert (rule.route, rule.host, rule.query) == ("/login", ("shop.example",), ("x",))
    assert (rule.scope, rule.attributes) == (("*.flask",), {"app.kind": "sso"})
    assert rule.keep == ("app.tenant", "http.response.status_code")
    form, second = rule.outcomes
    assert (form.status, form.error_type) == (Conclusion.ERROR, "invalid_credentials")
    assert (form.when.status, form.when.content_type) == ({200}, ("text/html",))
    assert (form.when.location, form.when.query, form.when.exception) == (("/a*",), ("q",), True)
    assert second.when.rpc_status == {16, 7}
    assert rule.holds_start


def test_three_mistakes_are_told_at_once_with_line_and_hint() -> None:
    """A person mends a file in one go: each message has file, line, rule, value and the fix."""
    told = mistakes(
        """
[[rule]]
name = "login"
action = "passwords_authenticate"
route = "/login"

[[rule]]
name = "logout"
action = "SessionsRevoke"
span_nmae = "x"
kind = "sever"
route = "/logout"
"""
    )
    assert told[0] == (
        "my.toml:4: rule 1 ('login'): `action` is 'passwords_authenticate'; write it in CamelCase,"
        ' letters and digits only, such as "PasswordsAuthenticate"'
    )
    assert told[1].startswith("my.toml:10: rule 2 ('logout'): `span_nmae` is not a key of a rule;")
    assert told[2:] == ["my.toml:11: rule 2 ('logout'): `kind` is 'sever'; did you mean 'server'?"]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('nmae = "x"', "did you mean `name`?"),
        ("route = 3", "it takes a text in quotes"),
        ('route = "/login?next=1"', 'write route = "/login" and the parameter into `query`'),
        ('route = "https://a.example/login"', "put its host into `host`"),
        ('method = "P"', "write HTTP methods"),
        ("drop = 1", "true or false"),
        ("drop = true", "exclude each other"),
        ('keep = ["user.password"]', "may hold a secret"),
        ("attributes = 3", "a table"),
        ("[[rule.outcome]]\nwhen = {}", "has no `status`"),
        ('[[rule.outcome]]\nstatus = "eror"', "did you mean 'error'?"),
        ('[[rule.outcome]]\nstatus = "error"\nwhen = 3', "must be a table"),
        ('[[rule.outcome]]\nstatus = "error"\nwhen = { status = [999] }', "100 to 599"),
        ('[[rule.outcome]]\nstatus = "error"\nwhen = { status = "302" }', "without quotes"),
        ('route = "/users/{id/login"', "'{id' is a placeholder that is not closed"),
        ('route = "/users/id>/login"', "'id>' is a placeholder that is not opened"),
        (
            '[[rule.outcome]]\nstatus = "error"\nwhen = { locatoin = "x" }',
            "did you mean `location`?",
        ),
        ('[[rule.outcome]]\nstatus = "error"\nwhen = { rpc_status = "NOPE" }', "UNAUTHENTICATED"),
        ('[[rule.outcome]]\nstatus = "error"\nwhen = { exception = 3 }', "exception types"),
        ('[[rule]]\nname = "a"\naction = "Other"\nroute = "/x"', "taken by an earlier rule"),
        ('[[rule]]\naction = "Other"\nroute = "/x"', "has no `name`"),
        ('[[rule]]\nname = "b"\nroute = "/x"', "has no `action`"),
        ('[[rule]]\nname = "b"\naction = "Other"', "matches every span"),
        ("[ruel]", "did you mean `rule`?"),
        ("broken", "not valid TOML"),
    ],
)
def test_each_mistake_has_a_hint(line: str, told: str) -> None:
    """Whatever is wrong, the message says how to mend it."""
    text = f'[[rule]]\nname = "a"\naction = "GetUser"\nhost = "x"\n{line}\n'
    assert any(told in mistake for mistake in mistakes(text)), mistakes(text)


def test_a_rule_may_have_several_routes() -> None:
    """One rule for the several spellings of one route."""
    rules = parse_rules('[[rule]]\nname = "a"\naction = "GetUser"\nroute = ["/a", "/b"]', "x").rules
    assert [rule.route for rule in rules] == ["/a", "/b"]


def test_all_files_are_read_before_anything_is_told(tmp_path: Path) -> None:
    """Mistakes of every file, missing files and unknown packs come in one error."""
    bad = tmp_path / "bad.toml"
    bad.write_text('[[rule]]\nname = "a"\n')
    with pytest.raises(RuleError) as caught:
        load_rule_set([bad, tmp_path / "absent.toml"], ["stich"])
    text = str(caught.value)
    assert "bad.toml:1" in text
    assert "absent.toml: cannot be read: No such file" in text
    assert f"pack 'stich' does not exist; there are: {', '.join(pack_names())}" in text


def test_a_binary_file_is_told_as_such(tmp_path: Path) -> None:
    """A file that is no text raises RuleError, not a decoding error."""
    (tmp_path / "x.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(RuleError, match="not UTF-8"):
        load_rule_file(tmp_path / "x.toml")


@pytest.mark.parametrize("name", pack_names())
def test_every_pack_is_right(name: str) -> None:
    """Each built-in pack compiles, so that no user meets our mistakes."""
    assert load_rule_set(packs=[name], default_packs=False).rules


def test_common_is_asked_last() -> None:
    """Users' files, then vendor packs, then `common`, whatever the order of names."""
    asked = [group.source for group in load_rule_set(packs=["common", "stytch"]).groups]
    assert (asked[0], asked[-1]) == ("pack stytch", "pack common")
    assert sorted(asked) == sorted(f"pack {name}" for name in DEFAULT_PACKS)


def test_attributes_are_allowed_by_action() -> None:
    """A `[keep]` table names actions, or all of them, and attributes as a list or a single one."""
    group = parse_rules('[keep]\nGetUser = ["a", "b"]\n"*" = "c"\n', "my.toml")
    assert group.keep == {"GetUser": ("a", "b"), "*": ("c",)}
    assert group.rules == ()


def test_mistakes_in_what_is_allowed_are_told_with_line_and_hint() -> None:
    """A secret, a word that is no action, values of a wrong type, a table written as a list."""
    text = (
        "[keep]\n"
        'PasswordsAuthenticate = ["app.tenant", "app.password"]\n'
        'login = ["app.tenant"]\n'
        "GetUser = [7]\n"
    )
    secret, word, wrong_type = mistakes(text)
    assert secret.startswith("my.toml:2: `PasswordsAuthenticate` names 'app.password'")
    assert word.startswith("my.toml:3: `login` is no action")
    assert "CamelCase" in word
    assert wrong_type.startswith("my.toml:4: `GetUser` is [7]; it takes names of attributes")
    (written_as_list,) = mistakes('[[keep]]\nGetUser = ["a"]\n')
    assert "my.toml:1: `keep` must be written [keep]" in written_as_list


def test_a_wrong_table_is_told_with_its_own_line() -> None:
    """In single brackets or double, quoted or not; not where the word stands as a value."""
    text = '[[rule]]\nname = "a"\naction = "GetUser"\nroute = ["keeps"]\n\n'
    for header in ("[keeps]", "[[keeps]]", ' [ "keeps" ] # x'):
        (told,) = mistakes(f"{text}{header}\nx = 1\n")
        assert told == "my.toml:6: `keeps` is not a key; did you mean `keep`?"


def test_each_rule_knows_its_line() -> None:
    """A person who asks which rule it was is told where it stands."""
    rule = '[[rule]]\nname = "{0}"\naction = "GetUser"\nroute = ["/{0}", "/b/{0}"]\n\n'
    outcome = '[[rule.outcome]]\nstatus = "none"\n'
    text = "# mine\n" + rule.format("a") + outcome + "[[ rule ]] # x\n" + rule.format("c")[9:]
    assert [(found.name, found.line) for found in parse_rules(text, "x").rules] == [
        ("a", 2),
        ("a", 2),
        ("c", 9),
        ("c", 9),
    ]


def test_each_rule_of_an_array_knows_its_line() -> None:
    """Packs have one rule a line, in an array: there too a person is told the line."""
    text = (
        "# mine\n\nrule = [\n"
        '    { name = "a", action = "GetUser", route = "/a" },\n'
        "    # between\n"
        '    { name = "b", action = "GetUser", route = ["/b", "/c"] },\n]\n'
    )
    lines = [(rule.name, rule.line) for rule in parse_rules(text, "x").rules]
    assert lines == [("a", 4), ("b", 6), ("b", 6)]
    assert mistakes(text.replace('"/a"', "3"))[0].startswith("my.toml:4:")


def test_tests_beside_the_rules_are_no_concern_of_an_application() -> None:
    """A [[test]] in a rule file, whatever is in it, changes no rule and no line of a mistake."""
    rule = '[[rule]]\nname = "a"\naction = "GetUser"\nroute = "/a"\n'
    tested = rule + "[[test]]\nkind = 3\n" + rule.replace('"a"', '"b"')
    assert len(parse_rules(tested, "x").rules) == 2
    assert mistakes(tested.replace('"/a"', "3", 1))[0].startswith("my.toml:4:")


TOML_VALUES = st.recursive(
    st.one_of(
        st.sampled_from(
            [*OUTCOME_KEYS, "POST", "/x", "/{y}", "server", "error", "none", "GetUser"]
        ),
        st.text(max_size=8),
        st.integers(0, 700),
        st.booleans(),
        st.floats(),
        st.dates(),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from([*RULE_KEYS, *OUTCOME_KEYS, *WHEN_KEYS]), inner, max_size=5
        ),
    ),
    max_leaves=8,
)


def toml(value: Any) -> str:
    """Return a value as TOML writes it inline."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, str):
        return json.dumps(value).replace("\x7f", "\\u007f")
    return str(value).lower()


@given(
    st.dictionaries(
        st.sampled_from([*RULE_KEYS, "unknown"]),
        st.one_of(
            TOML_VALUES,
            st.lists(
                st.fixed_dictionaries(
                    {"status": st.just("error")},
                    optional={"when": st.dictionaries(st.sampled_from(WHEN_KEYS), TOML_VALUES)},
                ),
                max_size=2,
            ),
        ),
    )
    | TOML_VALUES
)
def test_whatever_is_written_becomes_rules_or_mistakes(table: Any) -> None:
    """Any TOML at all compiles to usable rules or is told as mistakes: nothing else is raised."""
    text = f"rule = [{toml(table)}]\n"
    mistakes: tuple[str, ...] = ()
    try:
        group = parse_rules(text, "my.toml")
        RuleSet([group]).match(2, {"http.route": "/x", "http.method": "POST"}, "")
    except RuleError as error:
        mistakes = error.mistakes or ("nothing",)
    assert all(mistake.startswith("my.toml:") for mistake in mistakes)
