"""The configuration: four sources, one answer, every mistake at once."""

from __future__ import annotations

import inspect
import os
from pathlib import Path

import pytest

from otel_eventlog_collector.cli.serve import serve
from otel_eventlog_collector.config import (
    ENV_PREFIX,
    Address,
    Duration,
    Settings,
    Size,
    load_settings,
)
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.hash_keys import hash_keys
from otel_eventlog_collector.tokens import Scope, new_token, write_tokens

DAY_NS = 86_400 * 10**9


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(ENV_PREFIX):
            monkeypatch.delenv(name)


def mistakes(options: dict[str, object], file: Path | None = None) -> tuple[str, ...]:
    """Return what is told about a wrong configuration."""
    with pytest.raises(ConfigError) as raised:
        load_settings(options, file)
    return raised.value.mistakes


def test_the_defaults_are_those_of_the_specification() -> None:
    """Without any setting it listens on this machine only and keeps event logs for 30 days."""
    settings, warnings = load_settings({})
    assert (settings.otlp_grpc, settings.otlp_http, settings.http) == (
        Address("127.0.0.1", 4327),
        Address("127.0.0.1", 4328),
        Address("127.0.0.1", 4329),
    )
    assert settings.retention == Duration(30 * DAY_NS)
    assert settings.no_outcome_after == Duration(15 * 60 * 10**9)
    assert settings.trace_url == "http://localhost:16686/trace/{trace_id}"
    assert settings.max_size is None
    assert warnings == ()


def test_option_beats_environment_beats_file_beats_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first source that says something wins, setting by setting."""
    file = tmp_path / "collector.toml"
    file.write_text('retention = "1d"\nmax_size = "1GB"\nno_outcome_after = "1m"\n')
    monkeypatch.setenv(ENV_PREFIX + "RETENTION", "2d")
    monkeypatch.setenv(ENV_PREFIX + "MAX_SIZE", "2GiB")
    settings, _ = load_settings({"retention": "3d"}, file)
    assert settings.retention == Duration(3 * DAY_NS)
    assert settings.max_size == Size(2 * 1024**3)
    assert settings.no_outcome_after == Duration(60 * 10**9)
    assert settings.http.port == 4329


def test_every_option_of_serve_is_a_key() -> None:
    """Each option of `serve` is a field of the settings, and so a key and a variable."""
    options = set(inspect.signature(serve).parameters) - {"config"}
    assert options == set(Settings.model_fields)


def test_lists_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule files are separated like a search path, packs and host names by commas."""
    rules = [tmp_path / "a.toml", tmp_path / "b.toml"]
    for path in rules:
        path.write_text('[[rule]]\nname = "x"\naction = "Xx"\nroute = "/x"\n')
    monkeypatch.setenv(ENV_PREFIX + "RULES", os.pathsep.join(map(str, rules)))
    monkeypatch.setenv(ENV_PREFIX + "PACK", "common, stytch")
    monkeypatch.setenv(ENV_PREFIX + "ALLOWED_HOST", "a.example,b.example")
    settings, _ = load_settings({})
    assert settings.rules == tuple(rules)
    assert settings.pack == ("common", "stytch")
    assert settings.allowed_host == ("a.example", "b.example")


def test_the_file_can_be_named_by_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OTEL_EVENTLOG_COLLECTOR_CONFIG stands in for --config."""
    file = tmp_path / "collector.toml"
    file.write_text('retention = "1d"\n')
    monkeypatch.setenv(ENV_PREFIX + "CONFIG", str(file))
    assert load_settings({})[0].retention == Duration(DAY_NS)


def test_paths_in_a_file_are_beside_it(tmp_path: Path) -> None:
    """A relative path in the file does not depend on where the collector is started."""
    (tmp_path / "auth.toml").write_text('[[rule]]\nname = "x"\naction = "Xx"\nroute = "/x"\n')
    file = tmp_path / "collector.toml"
    file.write_text('rules = ["auth.toml"]\ndata = "events"\n')
    settings, _ = load_settings({}, file)
    assert settings.rules == (tmp_path / "auth.toml",)
    assert settings.data == tmp_path / "events"


def test_all_mistakes_are_told_at_once_with_their_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Option, variable, key and rule file: each mistake names where it was made."""
    (tmp_path / "auth.toml").write_text('[[rule]]\nname = "x"\nrout = "/x"\n')
    file = tmp_path / "collector.toml"
    file.write_text('rules = ["auth.toml"]\n\nretenton = "1d"\nhttp = "here"\n')
    monkeypatch.setenv(ENV_PREFIX + "MAX_SIZE", "much")
    monkeypatch.setenv(ENV_PREFIX + "PACK", "stych")
    told = mistakes({"retention": "long", "otlp_grpc": "0.0.0.0:1"}, file)
    wanted = {
        f"{file}:3: retenton": 'did you mean "retention"?',
        f"{file}:4: http": "HOST:PORT",
        f"{tmp_path / 'auth.toml'}": "rout",
        f"{ENV_PREFIX}MAX_SIZE": "20GB",
        f"{ENV_PREFIX}PACK": 'did you mean "stytch"?',
        "--retention": "30d",
        "--otlp-grpc": "token create",
    }
    for origin, hint in wanted.items():
        assert any(line.startswith(origin) and hint in line for line in told), (origin, told)


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ({"http": "http://localhost:1"}, "http://"),
        ({"http": "localhost"}, "127.0.0.1:4328"),
        ({"http": "localhost:70000"}, "127.0.0.1:4328"),
        ({"http": "::1:4329"}, "brackets"),
        ({"retention": "0s"}, "more than 0"),
        ({"retention": "99999d"}, "3660d"),
        ({"max_size": "1kB"}, "at least 1MB"),
        ({"trace_url": "javascript:alert({trace_id})"}, "http"),
        ({"trace_url": "http://localhost/trace"}, "{trace_id}"),
        ({"forward_traces_to": "localhost:4318"}, "http://localhost:4318"),
        ({"hash_client_address": True}, "--hash-key-file"),
        ({"hash_key_file": "missing"}, "cannot be read"),
        ({"token_file": "missing"}, "token create"),
    ],
)
def test_a_wrong_value_is_told_what_to_write(options: dict[str, object], hint: str) -> None:
    """Each kind of value explains itself."""
    assert any(hint in line for line in mistakes(options))


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    """A key that could be guessed is told how to be made."""
    key = tmp_path / "key"
    key.write_text("short\n")
    assert "openssl rand" in mistakes({"hash_key_file": key})[0]


def test_the_key_may_come_as_a_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing needs a key: from the file, or from a variable that is no option."""
    monkeypatch.setenv(ENV_PREFIX + "HASH_KEY", "variable-variable")
    settings, warnings = load_settings({"hash_identifiers": True})
    assert (hash_keys(settings.hash_key_file), warnings) == ((b"variable-variable",), ())
    key = tmp_path / "key"
    key.write_text("new-new-new-new-new\nold-old-old-old-old\n")
    assert hash_keys(key) == (b"new-new-new-new-new", b"old-old-old-old-old")
    monkeypatch.setenv(ENV_PREFIX + "HASH_KEY", "tiny")
    (mistake,) = mistakes({})
    assert ENV_PREFIX + "HASH_KEY holds 4 bytes" in mistake
    assert "tiny" not in mistake


def test_a_file_that_is_no_toml_says_where(tmp_path: Path) -> None:
    """A syntax error comes with its line."""
    file = tmp_path / "collector.toml"
    file.write_text('retention = "1d"\nhttp =\n')
    assert "line 2" in mistakes({}, file)[0]


@pytest.mark.parametrize(
    ("host", "is_loopback"),
    [
        ("127.0.0.1", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),  # noqa: S104 - asked about, not bound
        ("::", False),
        ("192.0.2.1", False),
        ("localhost.example.com", False),
    ],
)
def test_what_counts_as_this_machine(host: str, is_loopback: bool) -> None:  # noqa: FBT001
    """Only addresses that no other machine reaches need no tokens."""
    assert Address(host, 1).is_loopback is is_loopback


def test_an_open_listener_needs_a_token_of_its_scope(tmp_path: Path) -> None:
    """A read token does not open the door for senders."""
    file = tmp_path / "tokens.json"
    write_tokens(file, [new_token(b"x" * 32, "", [Scope.READ], "")[1]])
    options = {"http": "0.0.0.0:0", "token_file": file}
    assert load_settings(options)[0].http.host == "0.0.0.0"  # noqa: S104 - parsed, not bound
    assert "scope ingest" in mistakes({**options, "otlp_http": "0.0.0.0:0"})[0]


def test_misspelt_variables_are_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that looks like ours is named with what it may have meant; Kubernetes' are not."""
    monkeypatch.setenv(ENV_PREFIX + "RETENTON", "1d")
    monkeypatch.setenv(ENV_PREFIX + "PORT_4328_TCP", "tcp://10.0.0.1:4328")
    monkeypatch.setenv(ENV_PREFIX + "SERVICE_HOST", "10.0.0.1")
    _, warnings = load_settings({})
    assert len(warnings) == 1
    assert 'did you mean "retention"?' in warnings[0]
