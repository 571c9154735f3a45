"""What docs/rules.md says about rule tests, explanations and suggestions is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from otel_eventlog_collector.rule_tools.guesses import INSIDE_WORDS, STRONG_WORDS, WEAK_WORDS
from otel_eventlog_collector.rule_tools.testfile import FILE_KEYS, SPAN_KEYS, TEST_KEYS
from tests.support.command import command
from tests.support.repository import ROOT

PAGE = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
RULES = """\
[[rule]]
name = "login"
action = "PasswordsAuthenticate"
method = "POST"
route = "/members/login"
keep = ["app.tenant"]

[[rule.outcome]]
when = { status = [302], location = "/members/login*" }
status = "error"
error_type = "invalid_credentials"
"""
SHOP = """
from flask import Flask

app = Flask(__name__)
for route in ("/members/login", "/otp/send", "/cart"):
    app.add_url_rule(route, route, lambda: "", methods=["POST"])
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a current directory with the page's rules, tests and application."""
    (tmp_path / "auth.toml").write_text(RULES)
    (tests,) = re.findall(r"```toml\n(\[\[test\]\].*?)```", PAGE, re.DOTALL)
    (tmp_path / "auth.test.toml").write_text(tests)
    (tmp_path / "shop.py").write_text(SHOP)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def shown(command_line: str) -> str:
    """Return what the page shows below a command."""
    blocks = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    (block,) = (block for block in blocks if block.startswith(f"$ {command_line}"))
    return re.sub(r"^\$ .*?[^\\]\n", "", block, count=1, flags=re.DOTALL)


def test_the_tests_of_the_page_pass_and_fail_as_it_says(folder: Path) -> None:
    """The example passes with its rules, and fails as shown with a narrower condition."""
    assert command("rules", "test", "auth.test.toml").stdout == "auth.test.toml: 3 passed\n"
    (folder / "auth.toml").write_text(RULES.replace('"/members/login*"', '"/login*"'))
    done = command("rules", "test", "auth.test.toml")
    assert done.stdout + done.stderr == shown("otel-eventlog rules test")


def test_the_explanations_of_the_page_are_what_the_command_says(folder: Path) -> None:
    """Both requests of the page are explained in its words."""
    words = ("POST", "/members/login", "--status", 302, "--location", "/account")
    more = ("--attribute", "app.tenant=acme", "--attribute", "app.cart=7", "--rules", "auth.toml")
    done = command("rules", "explain", *words, *more)
    assert done.stdout == shown("otel-eventlog rules explain POST")
    done = command("rules", "explain", "PUT", "/members/login", "--rules", "auth.toml")
    assert done.stdout + done.stderr == shown("otel-eventlog rules explain PUT")


def test_the_suggestion_of_the_page_is_what_the_command_says(folder: Path) -> None:
    """The page's application lacks one rule, and gets the one that is shown."""
    done = command("rules", "suggest", "--app", "shop:app", "--rules", "auth.toml")
    assert done.stdout + done.stderr == shown("otel-eventlog rules suggest")


def test_the_rule_tests_of_the_example_pass() -> None:
    """The example's rule does what its page says, its own tests say."""
    file = ROOT / "examples" / "flask" / "rules.test.toml"
    assert command("rules", "test", file).stdout == f"{file}: 4 passed\n"


def test_every_key_of_a_rule_test_is_documented() -> None:
    """A key that nobody can read about might as well not exist."""
    keys = {*TEST_KEYS, *SPAN_KEYS, "event", "rule", "holds_start", "attributes"}
    keys |= {*FILE_KEYS} - {"test"}
    undocumented = {key for key in keys if not re.search(rf"`{key}( =.*?)?`", PAGE)}
    assert undocumented == set()


def test_the_words_that_look_like_authentication_are_documented() -> None:
    """The page lists every word that makes a route be suggested, and no other."""
    lists = re.findall(r"(?:^> .*\n)+", PAGE, re.MULTILINE)
    listed = [{word.strip() for word in re.split(r"[,>\n]", text)} - {""} for text in lists]
    assert STRONG_WORDS in listed
    assert WEAK_WORDS in listed
    assert all(word in PAGE.partition("inside of a longer word")[2] for word in INSIDE_WORDS)
