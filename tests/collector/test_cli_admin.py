"""Commands that change something: on a directory, and on one that a collector serves."""

from __future__ import annotations

import gzip
import json
import os
import pty
import subprocess
import time
from pathlib import Path

import pytest

from otel_eventlog.model import Status
from otel_eventlog_collector.event_json import event_json
from otel_eventlog_collector.store import open_store
from tests.support import otlp_requests as otlp
from tests.support.builders import event_log
from tests.support.collector import COMMAND, clean_environment, query, serving
from tests.support.command import command

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\u202eevil\u2066\x7f"
DEEDS = ("--action!=ImportEvents", "--action!=EraseUserEvents", "--action!=PurgeEvents")


def exported(*events: object) -> str:
    """Return event logs as JSON lines."""
    return "".join(json.dumps(event_json(event)) + "\n" for event in events)


def logins(count: int, user: str = "u-1") -> list[object]:
    """Return recent event logs of a user."""
    now = time.time_ns() - 10**10
    return [
        event_log(
            span_id=number,
            start_unix_nano=now + number,
            time_unix_nano=now + number + 5,
            observed_unix_nano=now,
            user_id=user,
        )
        for number in range(1, count + 1)
    ]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with event logs of two users."""
    path = tmp_path / "some.jsonl"
    mine, others = logins(3), logins(5, "u-2")
    for number, event in enumerate(others, 100):
        event.span_id = number  # type: ignore[attr-defined]
    path.write_text(exported(*mine, *others))
    return path


def test_import_on_a_directory_and_through_its_collector(tmp_path: Path, file: Path) -> None:
    """Both ways leave the same rows, and the same record of it."""
    alone, served = tmp_path / "alone", tmp_path / "served"
    done = command("import", file, "--data", alone)
    assert done.code == 0, done.stderr
    assert "8 event logs stored, 0 were there already" in done.stderr
    with serving(served) as collector:
        done = command("import", file, "--data", served)
        assert "8 event logs stored" in done.stderr, done.stderr
        again = command("import", file, "--url", collector.http, "--json")
        assert json.loads(again.stdout)["duplicates"] == 8
        through = query("--url", collector.http, *DEEDS)
        deeds = query("--url", collector.http, "--action", "ImportEvents", "--status", "success")
    assert through == query("--data", alone, *DEEDS)
    assert [deed["attributes"]["import_stored"] for deed in deeds] == [0, 8]
    assert deeds[0]["client_address"] == "127.0.0.1"
    (deed,) = query("--data", alone, "--action", "ImportEvents", "--status", "success")
    assert deed["attributes"]["actor"]


def test_import_takes_otlp_files_plain_and_packed(tmp_path: Path) -> None:
    """What a Collector's file exporter wrote becomes event logs by the rules, gzip or not."""
    now = time.time_ns() - 10**10
    times = {"start_time_unix_nano": now, "end_time_unix_nano": now + 10**6}
    lines = b"".join(
        otlp.as_json(otlp.traces([otlp.span(n, **times), otlp.span(0, **times)])) + b"\n"
        for n in range(1, 4)
    )
    plain, packed = tmp_path / "traces.json", tmp_path / "traces.json.gz"
    plain.write_bytes(lines)
    packed.write_bytes(gzip.compress(lines))
    done = command("import", plain, "--data", tmp_path / "one", "--json")
    assert done.code == 1, "three spans without an id are rejected"
    found = json.loads(done.stdout)
    assert (found["stored"], found["rejected"], found["lines"]) == (6, 3, 3)
    done = command("import", packed, "--data", tmp_path / "two")
    assert done.code == 1
    assert "3 rejected: " in done.stderr
    assert "note: line 1: " in done.stderr
    rows = [query("--data", tmp_path / name, *DEEDS) for name in ("one", "two")]
    assert [row["event_id"] for row in rows[0]] == [row["event_id"] for row in rows[1]]
    dropped = command("import", plain, "--data", tmp_path / "three", "--no-default-packs", "--json")
    assert json.loads(dropped.stdout)["dropped"] == 3


def test_import_reads_standard_input(tmp_path: Path, file: Path) -> None:
    """`-` is what comes through a pipe."""
    done = subprocess.run(
        [COMMAND, "import", "-", "--data", tmp_path / "data"],
        input=file.read_bytes(),
        capture_output=True,
        env=clean_environment(),
        check=False,
    )
    assert b"8 event logs stored" in done.stderr
    assert done.returncode == 0


def test_import_tells_every_wrong_line_and_keeps_the_others(tmp_path: Path, file: Path) -> None:
    """The mistakes stand there with their lines, in text that no terminal acts on."""
    evil = json.dumps({"status": "start", EVIL: 1})
    file.write_text(f"nonsense\n{evil}\n" + file.read_text() + '{"status": "' + EVIL + '"}\n')
    done = command("import", file, "--data", tmp_path / "data")
    assert done.code == 1
    assert "line 1: " in done.stderr
    assert "8 event logs stored" in done.stderr
    assert not set(done.stderr) & set("\x1b\x07\x9b\r\u202e\u2066\x7f")


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read"), (b"\x1f\x8b\x08 broken", "cannot be read")],
)
def test_a_file_that_cannot_be_read_is_told(
    tmp_path: Path, content: bytes | None, told: str
) -> None:
    """Exit code 2 and what to do, no traceback."""
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    done = command("import", file, "--data", tmp_path / "data")
    assert (done.code, told in done.stderr) == (2, True)


def test_options_that_only_the_collector_itself_can_have(tmp_path: Path, file: Path) -> None:
    """Through a collector its own rules and retention hold, and a command says so."""
    with serving(tmp_path / "data") as collector:
        for words in (
            ("import", file, "--retention", "7d"),
            ("import", file, "--pack", "stytch"),
            ("prune", "--retention", "7d"),
            ("prune", "--max-size", "20GB"),
        ):
            done = command(*words, "--data", collector.data)
            assert done.code == 2
            assert "by its own settings" in done.stderr


def test_prune_on_a_directory_and_through_its_collector(tmp_path: Path) -> None:
    """Old days go either way, and the purge is recorded."""
    data = tmp_path / "data"
    old = time.time_ns() - 20 * 86_400 * 10**9
    store = open_store(data)
    store.write([event_log(start_unix_nano=old, time_unix_nano=old), *logins(1)]).result()
    store.close()
    with serving(data) as collector:
        done = command("prune", "--data", data, "--json")
        assert done.code == 0, done.stderr
        assert json.loads(done.stdout)["events"] == 0
        assert query("--url", collector.http, "--action", "PurgeEvents", "--status", "success")
    done = command("prune", "--data", data, "--retention", "7d", "--force", "--json")
    assert json.loads(done.stdout)["events"] == 1, done.stderr
    assert len(query("--data", data, "--action", "PurgeEvents", "--status", "success")) == 2


def test_erase_on_a_directory_and_through_its_collector(tmp_path: Path, file: Path) -> None:
    """One user goes either way, the other stays, and the bytes of the id are in no file."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef" * 4)
    marked = "marked-user-4711"
    data = tmp_path / "data"
    for round_ in range(2):
        events = logins(3, marked)
        for number, event in enumerate(events, 1000 * (round_ + 1)):
            event.span_id = number  # type: ignore[attr-defined]
        file.write_text(file.read_text() + exported(*events))
        assert command("import", file, "--data", data).code == 0
        assert len(query("--data", data, "--user-id", marked)) == 3
        if round_:
            with serving(data, "--hash-key-file", str(key)):
                done = command("erase", marked, "--data", data, "--yes", "--json")
                assert done.code == 0, done.stderr
                assert query("--data", data, "--user-id", marked) == []
        else:
            done = command("erase", marked, "--data", data, "--yes", "--json")
        assert json.loads(done.stdout)["event_logs"] == 3, done.stderr
        assert query("--data", data, "--user-id", marked) == []
        assert len(query("--data", data, "--user-id", "u-2")) == 5
        files = [each for each in data.rglob("*") if each.is_file()]
        left = [each for each in files if marked.encode() in each.read_bytes()]
        assert left == []
    deeds = query("--data", data, "--action", "EraseUserEvents", "--status", "success")
    assert [("user_id_hash" in deed["attributes"]) for deed in deeds] == [True, False]
    assert marked not in str(deeds)


def on_terminal(answer: bytes, *words: str | Path) -> tuple[int, str]:
    """Run the command on a terminal, answer its question; return exit code and what it showed."""
    main, side = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, *words], stdin=side, stdout=side, stderr=side, env=clean_environment()
    )
    os.close(side)
    os.write(main, answer)
    shown = b""
    while True:
        try:
            part = os.read(main, 65536)
        except OSError:
            break
        if not part:
            break
        shown += part
    os.close(main)
    return process.wait(20), shown.decode()


@pytest.mark.parametrize(("answer", "is_erased"), [(b"n\n", False), (b"\n", False), (b"y\n", True)])
def test_erase_asks_on_a_terminal(
    tmp_path: Path,
    file: Path,
    answer: bytes,
    is_erased: bool,  # noqa: FBT001
) -> None:
    """Only a yes erases; the question shows an id without its escapes."""
    data = tmp_path / "data"
    assert command("import", file, "--data", data).code == 0
    code, shown = on_terminal(answer, "erase", "u-1", "--data", data)
    assert "cannot be undone" in shown
    assert (code == 0) is is_erased
    assert (query("--data", data, "--user-id", "u-1") == []) is is_erased
    _, shown = on_terminal(b"n\n", "erase", "u" + EVIL, "--data", data)
    assert "owned" in shown
    assert not set(shown) & set("\x1b\x07\x9b\u202e\u2066\x7f")


def test_erase_without_anybody_to_ask_wants_yes(tmp_path: Path) -> None:
    """In a script --yes has to be said; without it nothing happens, exit code 2."""
    done = subprocess.run(
        [COMMAND, "erase", "u-1", "--data", tmp_path / "data"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=clean_environment(),
        check=False,
    )
    assert done.returncode == 2
    assert "--yes" in done.stderr


def test_a_collector_with_tokens_wants_one_of_scope_admin(tmp_path: Path, file: Path) -> None:
    """Commands pass the token on; making and revoking tokens is recorded by the collector."""
    tokens = tmp_path / "tokens.json"
    admin, read = (
        json.loads(
            command("token", "create", "--scope", scope, "--token-file", tokens, "--json").stdout
        )
        for scope in ("admin", "read")
    )
    with serving(tmp_path / "data", "--token-file", str(tokens)) as collector:
        where = ("--url", collector.http, "--token")
        assert command("import", file, *where, read["token"]).code == 1
        assert command("import", file, *where, admin["token"]).code == 0
        assert command("query", *where, admin["token"]).code == 1
        gone = json.loads(
            command("token", "create", "--scope", "read", "--name", "gone", "--token-file", tokens,
                    "--json").stdout
        )  # fmt: skip
        assert command("token", "revoke", gone["id"], "--token-file", tokens).code == 0
        assert command("query", *where, gone["token"]).code == 1
        deadline = time.monotonic() + 10
        wanted = ("--category", "dashboard", "--action", "*AccessToken")
        found: list[dict[str, object]] = []
        while len(found) < 4 and time.monotonic() < deadline:
            done = command("query", "--json", *where, read["token"], "--category", "dashboard")
            found = [json.loads(line) for line in done.stdout.splitlines()]
            found = [each for each in found if str(each["action"]).endswith("AccessToken")]
        assert sorted(str(each["action"]) for each in found) == [
            "CreateAccessToken",
            "CreateAccessToken",
            "CreateAccessToken",
            "RevokeAccessToken",
        ]
        assert wanted
        assert {each["attributes"]["token_id"] for each in found} == {  # type: ignore[index]
            admin["id"], read["id"], gone["id"],
        }  # fmt: skip
    listed = command("token", "list", "--token-file", tokens, "--json").stdout
    assert len(listed.splitlines()) == 2
    # Started again it records the same, which is there already.
    with serving(tmp_path / "data", "--token-file", str(tokens)) as collector:
        done = command("query", "--json", "--url", collector.http, "--token", read["token"])
        actions = [json.loads(line)["action"] for line in done.stdout.splitlines()]
        assert sum(action.endswith("AccessToken") for action in actions) == 4


def test_starts_are_shown_beside_ends(tmp_path: Path) -> None:
    """A deed has a start and an outcome of one request, so that one cut short is seen."""
    assert command("prune", "--data", tmp_path / "data").code == 0
    rows = query("--data", tmp_path / "data")
    assert {row["status"] for row in rows} == {Status.START.value, Status.SUCCESS.value}
    assert len({row["request_id"] for row in rows}) == 1
