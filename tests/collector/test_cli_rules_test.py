"""`otel-eventlog rules test` and `rules check`: spans in, expected event logs out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_eventlog.errors import RuleError
from otel_eventlog_collector.rule_tools.testfile import EXPECT_KEYS, SPAN_KEYS, parse_tests
from tests.support.collector import run
from tests.support.command import command

RULES = """\
[[rule]]
name = "vault"
action = "VaultOpen"
method = "POST"
route = "/vault/{id}/open"
keep = ["app.tenant"]

[[rule.outcome]]
when = { status = [200], content_type = "text/html" }
status = "error"
error_type = "invalid_code"

[[rule.outcome]]
when = { status = [302], location = "/second" }
status = "success"
next_step = "second_factor"

[[rule]]
name = "page"
action = "VaultPage"
method = "GET"
route = "/vault/{id}"

[[rule.outcome]]
when = { status = [200] }
status = "none"

[[rule]]
name = "health"
drop = true
route = "/vault/health"
"""
PASSING = """\
[[test]]
name = "a wrong code"
span = { method = "POST", route = "/vault/{v}/open", status = 200, content_type = "text/html; x" }
expect = { action = "VaultOpen", outcome_source = "rule", error_type = "invalid_code" }

[[test]]
name = "a right one, and one more to come"
span = { method = "POST", path = "/vault/7/open", status = 302, location = "/second?next=1" }
expect = { next_step = "second_factor", error_type = "", http_status_code = 302 }

[[test]]
name = "kept"
[test.span]
method = "POST"
path = "/vault/7/open"
status = 204
attributes = { "app.tenant" = "acme", "app.other" = "x", "user.id" = "u-1" }
[test.expect]
rule = "vault"
user_id = "u-1"
http_route = "/vault/{id}/open"
attributes = { "app.tenant" = "acme" }

[[test]]
name = "the page is no attempt"
span = { method = "GET", path = "/vault/7", status = 200 }
expect = { event = false, rule = "page", holds_start = true }

[[test]]
name = "dropped"
span = { method = "POST", route = "/vault/health" }
expect = { event = false, rule = "health" }

[[test]]
name = "the common pack still knows a login"
span = { method = "POST", route = "/login", status = 200, signal = "error" }
expect = { action = "PasswordsAuthenticate", status = "error", outcome_source = "signal" }

[[test]]
name = "a call to a provider"
span = { kind = "client", method = "POST", host = "api.stytch.com", path = "/v1/sessions/revoke" }
expect = { action = "SessionsRevoke", category = "sessions" }

[[test]]
name = "an exception"
span = { method = "POST", route = "/login", exception = "app.Boom", span_status = "error" }
expect = { outcome_source = "exception", error_type = "app.Boom" }

[[test]]
name = "written as JSON"
span_json = '{"kind": 2, "attributes": [{"key": "http.route", "value": {"stringValue": "/login"}}]}'
expect = { action = "", event = false }
"""
PASSING = PASSING.replace('action = "", event = false', "event = false")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a directory with rules, and tests of them that pass."""
    (tmp_path / "vault.toml").write_text(RULES)
    (tmp_path / "vault.test.toml").write_text(PASSING)
    return tmp_path


def test_tests_that_pass_are_counted(folder: Path) -> None:
    """Everything that a span and an expectation can say is judged as production judges it."""
    file = folder / "vault.test.toml"
    done = command("rules", "test", file)
    assert (done.code, done.stdout, done.stderr) == (0, f"{file}: 9 passed\n", "")


def test_a_failure_tells_what_came_and_why(folder: Path) -> None:
    """Each difference with expected and actual, the rule with its line, and the deciding source."""
    file = folder / "vault.test.toml"
    file.write_text(PASSING.replace('"second_factor"', '"captcha"').replace('"u-1"\nh', '"u-2"\nh'))
    done = command("rules", "test", file)
    assert done.code == 1
    assert done.stderr == "2 of 9 tests failed.\n"
    lines = [line.strip() for line in done.stdout.splitlines()]
    assert f"{file}:6: test 'a right one, and one more to come' failed" in lines
    assert 'expected  next_step = "captcha"' in lines
    assert 'actual    next_step = "second_factor"' in lines
    assert f"by rule 'vault' of {folder / 'vault.toml'}:1" in lines
    assert any(line.startswith("Outcome: success (rule)") for line in lines)
    assert any("outcome 1 of the rule does not hold: `status` wants 200" in line for line in lines)
    assert 'expected  user_id = "u-2"' in lines
    assert lines[-1] == f"{file}: 7 passed, 2 failed"
    assert "\x1b" not in done.stdout


def test_a_test_without_event_log_says_which_rules_almost_fit(folder: Path) -> None:
    """Who expects an event log and gets none is told the rule that is nearest and what it lacks."""
    file = folder / "vault.test.toml"
    test = '[[test]]\nname = "x"\nspan = { method = "PUT", path = "/vault/7/open" }\n'
    file.write_text(test + 'expect = { action = "VaultOpen" }\n')
    done = command("rules", "test", file)
    assert done.code == 1
    assert "expected  event = true" in done.stdout
    assert "Almost: rule 'vault'" in done.stdout
    assert "`method` wants POST, the span has PUT" in done.stdout


def test_json_has_one_object_for_each_test(folder: Path) -> None:
    """Programs get every test with its differences and explanation; the exit code is the same."""
    file = folder / "vault.test.toml"
    file.write_text(PASSING.replace('"second_factor"', '"captcha"'))
    done = command("rules", "test", "--json", file)
    assert done.code == 1
    results = [json.loads(line) for line in done.stdout.splitlines()]
    assert [result["passed"] for result in results].count(False) == 1
    (failed,) = (result for result in results if not result["passed"])
    assert failed["line"] == 6
    assert failed["differences"] == [
        {"key": "next_step", "expected": "captcha", "actual": "second_factor"}
    ]
    assert failed["explanation"]["rule"]["line"] == 1


def test_a_refusal_that_no_signal_told_is_explained_as_such(folder: Path) -> None:
    """Nobody is sent to look for a signal that never came."""
    file = folder / "vault.test.toml"
    span = 'span = { method = "POST", route = "/login", status = 302, signal = "error" }'
    file.write_text(f'[[test]]\nname = "x"\n{span}\nexpect = {{ status = "success" }}\n')
    told = command("rules", "test", file).stdout
    assert "It is an error because the framework signed nobody in: no login signal came" in told


def test_tests_may_stand_in_the_rule_file(folder: Path) -> None:
    """[[test]] beside [[rule]] and [keep] tests that file, and `rules check` counts both."""
    file = folder / "both.toml"
    file.write_text('[keep]\nVaultPage = ["app.region"]\n' + RULES + PASSING)
    assert command("rules", "test", file).stdout == f"{file}: 9 passed\n"
    assert command("rules", "check", file).stdout == f"{file}: 3 rules, 9 tests, all right\n"
    (folder / "vault.test.toml").unlink()
    explained = command("rules", "explain", "POST", "/vault/1/open", "--rules", file)
    assert "VaultOpen" in explained.stdout


def test_a_test_file_says_which_rules_it_is_about(folder: Path) -> None:
    """`rules`, `packs` and `default_packs` choose what is tested; paths are beside the file."""
    sub = folder / "tests"
    sub.mkdir()
    file = sub / "some.toml"
    head = 'rules = ["../vault.toml"]\ndefault_packs = false\n'
    file.write_text(head + PASSING.partition('[[test]]\nname = "the common pack')[0])
    assert command("rules", "test", file).stdout == f"{file}: 5 passed\n"
    no_login = '[[test]]\nname = "x"\nspan = { method = "POST", route = "/login" }\n'
    file.write_text(head + no_login + "expect = { event = false }\n")
    assert command("rules", "test", file).code == 0
    given = ("--rules", folder / "vault.toml", "--pack", "stytch", "--no-default-packs")
    file.write_text(PASSING.partition('[[test]]\nname = "the common pack')[0])
    assert command("rules", "test", file).code == 1
    assert command("rules", "test", file, *given).code == 0
    file.write_text(f'packs = ["common"]\n{head}{no_login}expect = {{ rule = "login" }}\n')
    assert command("rules", "test", file).code == 0


def test_a_span_comes_from_a_file_too(folder: Path) -> None:
    """`span_file` reads captured OTLP JSON; `span_id` chooses among several spans."""
    spans = [_span("00000000000000a1", "POST"), _span("00000000000000a2", "GET")]
    request = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}
    (folder / "seen.json").write_text(json.dumps(request))
    file = folder / "vault.test.toml"
    text = (
        '[[test]]\nname = "x"\nspan_file = "seen.json"\nspan_id = "00000000000000A1"\n'
        'expect = { action = "VaultOpen", rule = "vault" }\n'
    )
    file.write_text(text)
    assert command("rules", "test", file).code == 0
    file.write_text(text.replace("0000A1", "0000A3").replace("seen.json", "seen.json"))
    assert "holds no span '00000000000000A3'" in command("rules", "test", file).stderr
    file.write_text(text.replace('span_id = "00000000000000A1"\n', ""))
    assert "holds 2 spans; choose one with `span_id`" in command("rules", "test", file).stderr
    file.write_text(text.replace("seen.json", "absent.json"))
    assert "absent.json: cannot be read" in command("rules", "test", file).stderr


def _span(span_id: str, method: str) -> dict[str, Any]:
    texts = {"http.method": method, "http.target": "/vault/7/open?x=1"}
    return {
        "traceId": "0af7651916cd43dd8448eb211c80319c",
        "spanId": span_id,
        "name": method,
        "kind": 2,
        "startTimeUnixNano": "1795419852646225529",
        "endTimeUnixNano": "1795419852656225529",
        "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()],
    }


MISTAKES = """\
defualt_packs = true

[[test]]
name = "one"
span = { method = "POST", rout = "/login", status = 999 }
expect = { acton = "X", status = "failed" }

[[test]]
name = "one"
expect = { event = false, action = "X" }

[[test]]
[test.span]
route = "/login?x=1"
kind = "sever"
[test.expect]
outcome_source = "rul"
user_id = 3

[[test]]
name = "two"
span_json = "{"
expect = {}
"""


def test_every_mistake_of_a_test_file_is_told_at_once(folder: Path) -> None:
    """Each with file, line, test and a hint, from every file; nothing is run; exit code 2."""
    bad = folder / "bad.toml"
    bad.write_text(MISTAKES)
    (folder / "vault.toml").write_text(RULES.replace('kind = "server"', "").replace("drop", "drp"))
    told = [
        (1, "`defualt_packs` is not a key of a file of rule tests; did you mean `default_packs`?"),
        (5, "test 1 ('one'), span: `rout` is not a key of a span; did you mean `route`?"),
        (5, "test 1 ('one'), span: `status` is 999; an HTTP status code is 100 to 599"),
        (6, "test 1 ('one'), expect: `acton` is not a key of an expected event log; did you mean"),
        (6, "test 1 ('one'), expect: `status` is 'failed'; choose from success, error"),
        (8, "test 2 ('one'): has no `span`; give exactly one of"),
        (9, "test 2 ('one'): `name` 'one' is taken by an earlier test"),
        (10, "test 2 ('one'), expect: `event` = false and `action` exclude each other"),
        (12, "test 3: has no `name`"),
        (14, "test 3, span: `route` is '/login?x=1'; put what follows ? into `query`"),
        (15, "test 3, span: `kind` is 'sever'; did you mean 'server'?"),
        (17, "test 3, expect: `outcome_source` is 'rul'; did you mean 'rule'?"),
        (18, "test 3, expect: `user_id` is 3; it takes a text in quotes"),
        (20, "test 4 ('two'): has no `expect`"),
        (22, "test 4 ('two'): `span_json` is not JSON"),
    ]
    for words in (("rules", "test"), ("rules", "check")):
        done = command(*words, folder / "vault.test.toml", bad)
        assert done.code == 2
        assert "passed" not in done.stdout
        errors = [line for line in done.stderr.splitlines() if str(bad) in line]
        assert len(errors) == len(told), errors
        for line, (number, text) in zip(errors, told, strict=True):
            assert line.startswith(f"error: {bad}:{number}: {text}"), line
    assert (
        "`drp` is not a key of a rule; did you mean `drop`?"
        in command("rules", "test", folder / "vault.test.toml", bad).stderr
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no [[test]]"),
        ('rules = ["vault.toml"]', "has no [[test]]"),
        ("test = 3", "`test` must be written [[test]]"),
        ("test = [3]", "`test` must be written [[test]]"),
        ("broken", "not valid TOML"),
        ('rules = ["absent.toml"]\n' + PASSING, "absent.toml: cannot be read"),
        ('packs = ["stich"]\n' + PASSING, "pack 'stich' does not exist"),
        ('[[test]]\nname = "x"\nspan = 3\nexpect = { event = false }', "must be a table"),
        (
            '[[test]]\nname = "x"\nspan = {}\nspan_json = "{}"\nexpect = { event = false }',
            "has span and span_json; give exactly one",
        ),
        (
            '[[test]]\nname = "x"\nspan_json = "{\\"x\\": 1}"\nexpect = { event = false }',
            "is no OTLP span",
        ),
    ],
)
def test_a_file_that_cannot_be_run_says_what_is_wrong(folder: Path, text: str, told: str) -> None:
    """Whatever is missing or of a wrong type ends with exit code 2 and a sentence that helps."""
    file = folder / "x.toml"
    file.write_text(text)
    done = command("rules", "test", file)
    assert done.code == 2
    assert told in done.stderr


def test_the_command_ends_as_documented_in_a_process_of_its_own(folder: Path) -> None:
    """A failing test is exit code 1, for a build to stop at, and plain text when piped."""
    file = folder / "vault.test.toml"
    assert run("rules", "test", file).returncode == 0
    file.write_text(PASSING.replace('"second_factor"', '"captcha"'))
    done = run("rules", "test", file)
    assert done.returncode == 1
    assert "8 passed, 1 failed" in done.stdout
    assert "\x1b" not in done.stdout


VALUES = st.recursive(
    st.one_of(st.text(max_size=5), st.integers(0, 700), st.booleans(), st.just("server")),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text("ab", min_size=1), inner),
    max_leaves=4,
)


def inline(value: Any) -> str:
    """Return a value as TOML writes it inline."""
    if isinstance(value, dict):
        inside = ", ".join(f"{json.dumps(key)} = {inline(item)}" for key, item in value.items())
        return f"{{{inside}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(inline, value))}]"
    return json.dumps(value).replace("\x7f", "\\u007f")


@given(
    st.dictionaries(st.sampled_from(SPAN_KEYS), VALUES, max_size=6),
    st.dictionaries(st.sampled_from(EXPECT_KEYS), VALUES, max_size=4),
)
def test_whatever_is_written_is_tests_or_mistakes(span: Any, expect: Any) -> None:
    """Any values in any keys are read or told as mistakes: nothing else is raised."""
    text = f'[[test]]\nname = "x"\nspan = {inline(span)}\nexpect = {inline(expect)}\n'
    try:
        parse_tests(text, "my.toml", str)
        mistakes: tuple[str, ...] = ()
    except RuleError as error:
        mistakes = error.mistakes or ("nothing",)
    assert all(mistake.startswith("my.toml:") for mistake in mistakes)
