"""`otel-eventlog serve` as users run it: starting, refusing to start, stopping."""

from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import httpx
import pytest

from tests.support.collector import ready, run, serving, start
from tests.support.command import command
from tests.support.waiting import eventually

HINT_DATA = "--data"


def test_a_line_for_each_listener_then_ready(tmp_path: Path) -> None:
    """Standard output says where it listens, and by then all three listeners answer."""
    with serving(tmp_path / "data") as collector:
        host, _, port = collector.otlp_grpc.rpartition(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        for url in (f"{collector.http}/readyz", f"{collector.http}/api/v1/status"):
            assert httpx.get(url, trust_env=False).status_code == 200
        answer = httpx.post(f"{collector.otlp_http}/v1/metrics", json={}, trust_env=False)
        assert answer.status_code == 200
    log = (tmp_path / "data.log").read_text()
    assert "Traceback" not in log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_orderly_when_asked(tmp_path: Path, number: signal.Signals) -> None:
    """SIGTERM and Ctrl-C end it with 0, even while somebody watches the live stream."""
    process = start(tmp_path / "data")
    collector = ready(process, tmp_path / "data")
    url = f"{collector.http}/api/v1/events/stream"
    with httpx.stream("GET", url, trust_env=False) as watching:
        assert watching.status_code == 200
        process.send_signal(number)
        assert process.wait(20) == 0
    assert process.stdout is not None
    process.stdout.close()


def test_a_second_signal_ends_it_at_once(tmp_path: Path) -> None:
    """While it waits for a request to end, a second SIGTERM does not wait with it."""
    process = start(tmp_path / "data")
    collector = ready(process, tmp_path / "data")
    host, _, port = collector.otlp_http.removeprefix("http://").rpartition(":")
    with socket.create_connection((host, int(port)), timeout=5) as sender:
        head = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        sender.sendall(f"{head}Content-Length: 100\r\n\r\n{{".encode())
        process.send_signal(signal.SIGTERM)
        log = tmp_path / "data.log"
        assert eventually(lambda: "stopping" in log.read_text())
        process.send_signal(signal.SIGTERM)
        assert process.wait(3) == 128 + signal.SIGTERM
    assert process.stdout is not None
    process.stdout.close()


def test_a_second_collector_on_the_same_directory_says_so(tmp_path: Path) -> None:
    """The second one names the first one and its addresses, and ends with 2."""
    with serving(tmp_path / "data") as collector:
        done = run("serve", "--data", collector.data, "--http", "127.0.0.1:0")
        assert done.returncode == 2
        assert f"in use by process {collector.process.pid}" in done.stderr
        assert collector.http in done.stderr
        assert done.stdout == ""
        # A purge goes through the collector that serves the directory.
        pruned = command("prune", "--data", collector.data)
        assert (pruned.code, pruned.stderr) == (0, "0 event logs removed, 0 bytes freed.\n")


def test_a_port_that_is_taken_is_named_with_its_option(tmp_path: Path) -> None:
    """An address in use is told with the option that changes it; the directory is left usable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = run(
            "serve",
            "--data",
            tmp_path / "data",
            "--otlp-http",
            "127.0.0.1:0",
            "--otlp-grpc",
            address,
        )
    assert done.returncode == 2
    assert address in done.stderr
    assert "--otlp-grpc HOST:PORT" in done.stderr
    assert "ready" not in done.stdout
    with serving(tmp_path / "data"):
        pass


def test_a_directory_that_is_not_ours_is_refused_untouched(tmp_path: Path) -> None:
    """Somebody's files are neither changed nor joined by ours, by any command."""
    foreign = tmp_path / "home"
    foreign.mkdir()
    (foreign / "letter.txt").write_text("Dear")
    (foreign / "notes.db").write_bytes(b"x" * 5000)
    before = {path.name: path.read_bytes() for path in foreign.iterdir()}
    for words in (("serve", "--http", "127.0.0.1:0"), ("query",), ("prune",), ("stats",)):
        done = command(*words, "--data", foreign)
        assert done.code == 2, done
        assert str(foreign) in done.stderr
        assert HINT_DATA in done.stderr
    assert {path.name: path.read_bytes() for path in foreign.iterdir()} == before
    missing = tmp_path / "missing"
    done = command("query", "--data", missing)
    assert done.code == 2
    assert not missing.exists()


def test_every_mistake_of_a_rule_file_is_listed(tmp_path: Path) -> None:
    """Three mistakes give three lines, each with file, line and hint, and nothing is started."""
    rules = tmp_path / "auth.toml"
    rules.write_text(
        '[[rule]]\nname = "login"\nacton = "PasswordsAuthenticate"\nroute = "/login"\n\n'
        '[[rule]]\nname = "logout"\naction = "SessionsRevoke"\nkind = "sever"\n'
        'route = "/logout"\n\n'
        '[[rule]]\nname = "login"\naction = "PasswordsCreate"\nroute = "/register"\n'
    )
    for words in (
        ("serve", "--data", tmp_path / "data", "--rules", rules),
        ("rules", "check", rules),
    ):
        done = command(*words)
        assert done.code == 2
        mistakes = [line for line in done.stderr.splitlines() if f"{rules}:" in line]
        assert len(mistakes) >= 3
        assert any("action" in line and ":3:" in line for line in mistakes)
        assert any("server" in line and ":9:" in line for line in mistakes)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("words", "code", "hint"),
    [
        (("serv",), 2, "Did you mean 'serve'"),
        (("query", "--statuss", "error"), 2, "--status"),
        (("query", "--data", "x", "--url", "http://127.0.0.1:1"), 2, "--url and --data"),
        (("query", "--url", "127.0.0.1:1"), 2, "http://127.0.0.1:4329"),
        (("query", "--url", "http://127.0.0.1:1"), 1, "otel-eventlog serve"),
        (("query", "--data", "DATA", "--status", "failed"), 2, 'did you mean "error"?'),
        (("query", "--data", "DATA", "--since", "soon"), 2, "-15m"),
        (("query", "--data", "DATA", "--q", "usr:x"), 2, '"usr:x"'),
        (("show", "nonsense", "--data", "DATA"), 2, "UUID"),
        (("show", "01a2075c-d3e1-76e2-a5c6-79654f940800", "--data", "DATA"), 1, "retention"),
        (("rules", "explain", "GET", "/nothing-of-ours"), 1, "pack"),
        (("rules", "check", "missing.toml"), 2, "missing.toml"),
        (("serve", "--retention", "long", "--http", "here"), 2, "30d"),
        (("token", "list", "--token-file", "missing.json"), 2, "token create"),
        (("import", "missing.jsonl", "--data", "DATA"), 2, "missing.jsonl"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_what_is_written_wrongly_is_told_what_to_write(
    tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...], code: int, hint: str
) -> None:
    """Each mistake ends with its documented exit code and a sentence that helps."""
    data = tmp_path_factory.mktemp("empty") / "data"
    if "DATA" in words:
        made = command("prune", "--data", data)
        assert made.code == 0, made
    done = command(*(str(data) if word == "DATA" else word for word in words))
    assert done.code == code, done
    assert hint in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_an_open_listener_needs_tokens(tmp_path: Path) -> None:
    """Bound to another address it refuses to start, and says how; with tokens it starts."""
    file = tmp_path / "tokens.json"
    refused = command("serve", "--data", tmp_path / "data", "--http", "0.0.0.0:0")
    assert refused.code == 2
    assert "token create --scope read" in refused.stderr
    made = command("token", "create", "--scope", "read", "--name", "me", "--token-file", file)
    assert made.code == 0
    token = made.stdout.strip()
    with serving(tmp_path / "data", "--http", "0.0.0.0:0", "--token-file", str(file)) as collector:
        url = collector.http.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 - what it was given
        denied = command("query", "--url", url)
        assert denied.code == 1
        assert "OTEL_EVENTLOG_COLLECTOR_TOKEN" in denied.stderr
        assert command("query", "--url", url, "--token", token, "--json").code == 0
        (listed,) = [line.split() for line in _lines("token", "list", "--token-file", file)[1:]]
        assert listed[1:3] == ["me", "read"]
        assert command("token", "revoke", listed[0], "--token-file", file).code == 0
        assert command("query", "--url", url, "--token", token).code == 1
    assert command("token", "revoke", listed[0], "--token-file", file).code == 1
    assert token not in (tmp_path / "data.log").read_text()


def _lines(*words: object) -> list[str]:
    return command(*words).stdout.splitlines()


def test_rules_explain_names_the_rule(tmp_path: Path) -> None:
    """A request is told its action and the rule that takes it, the user's own before the packs'."""
    assert "PasswordsAuthenticate" in command("rules", "explain", "POST", "/login").stdout
    rules = tmp_path / "auth.toml"
    rules.write_text('[[rule]]\nname = "mine"\naction = "MyLogin"\nroute = "/login"\n')
    assert command("rules", "check", rules).stdout == f"{rules}: 1 rules, all right\n"
    shown = command("rules", "explain", "POST", "/login", "--rules", rules).stdout
    assert "MyLogin" in shown
    assert "mine" in shown
    assert str(rules) in shown


def test_doctor_tells_good_from_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a collector all is well; a wrong setting or endpoint is found, with exit code 1."""
    for name in list(os.environ):
        if name.startswith("OTEL_EVENTLOG"):
            monkeypatch.delenv(name)
    with serving(tmp_path / "data") as collector:
        monkeypatch.setenv("OTEL_EVENTLOG_ENDPOINT", collector.otlp_http)
        done = command("doctor", "--url", collector.http, "--data", collector.data)
        assert done.code == 0, done
        assert collector.otlp_grpc in done.stdout
        assert "wrong" not in done.stdout
    monkeypatch.setenv("OTEL_EVENTLOG_COLLECTOR_RETENTION", "long")
    done = command("doctor", "--url", collector.http, "--data", collector.data)
    assert done.code == 1
    assert "OTEL_EVENTLOG_COLLECTOR_RETENTION" in done.stdout
    assert f"{collector.otlp_http} takes no event logs (" in done.stdout


def test_doctor_checks_what_an_application_would_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rules, packs, misspelt variables, and an endpoint where something else listens."""
    for name in list(os.environ):
        if name.startswith("OTEL_EVENTLOG"):
            monkeypatch.delenv(name)
    with serving(tmp_path / "data") as collector:
        where = ("--url", collector.http, "--data", collector.data)
        monkeypatch.setenv("OTEL_EVENTLOG_ENDPOINT", collector.http)
        monkeypatch.setenv("OTEL_EVENTLOG_SPOOL", str(tmp_path))
        done = command("doctor", *where)
        assert done.code == 1
        assert f"{collector.http} takes no event logs (HTTP 404" in done.stdout
        assert "OTEL_EVENTLOG_SPOOL is not a variable" in done.stdout
        assert "did you mean OTEL_EVENTLOG_SPOOL_DIR?" in done.stdout
        monkeypatch.setenv("OTEL_EVENTLOG_PACKS", "flasklogin")
        assert "pack 'flasklogin' does not exist" in command("doctor", *where).stdout
        monkeypatch.setenv("OTEL_EVENTLOG_PROTOCOL", "carrier pigeon")
        done = command("doctor", *where)
        assert done.code == 1
        assert "OTEL_EVENTLOG_PROTOCOL: 'carrier pigeon' is not spoken here" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("serve",),
        ("query",),
        ("tail",),
        ("show",),
        ("rules", "test"),
        ("rules", "explain"),
        ("rules", "suggest"),
        ("token", "create"),
    ],
)
def test_help_has_examples_and_explains(words: tuple[str, ...]) -> None:
    """Every command's help says what it does, and the main ones show how."""
    done = command(*words, "--help")
    assert done.code == 0
    explained = done.stdout.split("Usage:", 1)[1].split("\n", 1)[1]
    assert "otel-eventlog " in explained
    assert not words or "For example" in explained
