"""Forks of every kind: each process sends its own event logs, once, and none waits for another."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.support.fake_collector import FakeCollector, Reply
from tests.support.programs import run_program

with_and_without_spool = pytest.mark.parametrize("has_spool", [False, True])

FORK_WITHOUT_PYTHON = """
import ctypes
def fork():
    # As uWSGI does it: nobody tells Python. PyDLL, because the child needs the interpreter's lock.
    return ctypes.PyDLL(None).fork()
"""

END = """
def finish(child):
    if not child:
        ok = delivery.force_flush(30)
        delivery.shutdown()
        os._exit(0 if ok else 1)
    assert os.waitpid(child, 0)[1] == 0
"""


def spool_in(folder: Path, has_spool: bool) -> str:  # noqa: FBT001 - the parameter of a test
    """Return the spool directory as a program's argument; none is the empty text."""
    return str(folder / "spool") if has_spool else ""


@with_and_without_spool
def test_a_fork_that_python_does_not_know_of(
    has_spool: bool,  # noqa: FBT001 - the parameter of a test
    collector: FakeCollector,
    tmp_path: Path,
) -> None:
    """Workers of a server that forks by itself deliver their own, and the parent what it had."""
    script = (
        FORK_WITHOUT_PYTHON
        + END
        + (
            "delivery.put(event_log(span_id=1))\n"
            "assert delivery.force_flush(30)\n"
            "for number in (2, 3):\n"
            "    child = fork()\n"
            "    if not child: delivery.put(event_log(span_id=number))\n"
            "    finish(child)\n"
            "delivery.put(event_log(span_id=4))\n"
            "assert delivery.force_flush(30)\n"
        )
    )
    run_program(script, collector, spool_in(tmp_path, has_spool))
    assert sorted(collector.accepted) == [1, 2, 3, 4]


@with_and_without_spool
def test_a_fork_amid_a_request_to_the_collector(
    has_spool: bool,  # noqa: FBT001 - the parameter of a test
    collector: FakeCollector,
    tmp_path: Path,
) -> None:
    """What the parent is just sending is the parent's: the child neither sends nor disturbs it."""
    collector.replies.append(Reply(is_silent=True))
    script = END + (
        "delivery._worker._transmitter._answer_s_max = 3.0\n"
        "for number in (1, 2, 3): delivery.put(event_log(span_id=number))\n"
        "while delivery._sender._session is None: time.sleep(0.01)\n"
        "for number in (4, 5):\n"
        "    child = os.fork()\n"
        "    if not child: delivery.put(event_log(span_id=number))\n"
        "    finish(child)\n"
        "assert delivery.force_flush(60)\n"
        "delivery.shutdown()\n"
    )
    run_program(script, collector, spool_in(tmp_path, has_spool))
    assert Counter(collector.accepted) == Counter(range(1, 6))
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


@with_and_without_spool
@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(
    method: str,
    has_spool: bool,  # noqa: FBT001 - the parameter of a test
    collector: FakeCollector,
    tmp_path: Path,
) -> None:
    """A child that ends right after its event log has delivered it, though `atexit` never runs."""
    program = tmp_path / "program.py"
    program.write_text(
        "import multiprocessing, sys\n"
        "from otel_eventlog.exporter import keep\n"
        "from otel_eventlog.settings import Settings, build_delivery\n"
        "from tests.support.builders import event_log\n"
        "settings = Settings.from_env(\n"
        "    {'OTEL_EVENTLOG_ENDPOINT': sys.argv[1], 'OTEL_EVENTLOG_SPOOL_DIR': sys.argv[2]}\n"
        ")\n"
        "delivery = build_delivery(settings, keep)\n"
        "def child(number):\n"
        "    delivery.put(event_log(span_id=number))\n"
        "if __name__ == '__main__':\n"
        "    delivery.put(event_log(span_id=1))\n"
        f"    context = multiprocessing.get_context({method!r})\n"
        "    children = [context.Process(target=child, args=(n,)) for n in range(2, 5)]\n"
        "    for process in children: process.start()\n"
        "    for process in children: process.join()\n"
        "    assert not [process.exitcode for process in children if process.exitcode]\n"
    )
    script = (
        "import runpy\n"
        f"sys.argv[0] = {str(program)!r}\n"
        f"runpy.run_path({str(program)!r}, run_name='__main__')\n"
    )
    run_program(script, collector, spool_in(tmp_path, has_spool))
    assert sorted(collector.accepted) == [1, 2, 3, 4]


def test_a_child_that_logs_nothing_leaves_nothing(collector: FakeCollector, tmp_path: Path) -> None:
    """A child without event logs starts no thread, opens no connection and makes no file."""
    spool = tmp_path / "spool"
    script = (
        "child = os.fork()\n"
        "if not child:\n"
        "    sys.exit(0)\n"  # runs atexit, as a child does that ends by itself
        "assert os.waitpid(child, 0)[1] == 0\n"
        "assert delivery.stats().restarts == 0\n"
    )
    run_program(script, collector, str(spool))
    assert not collector.received
    assert not spool.exists()


def test_a_child_of_a_child(collector: FakeCollector, tmp_path: Path) -> None:
    """A worker that forks again, as servers do that reload themselves, changes nothing."""
    script = END + (
        "delivery.put(event_log(span_id=1))\n"
        "child = os.fork()\n"
        "if not child:\n"
        "    delivery.put(event_log(span_id=2))\n"
        "    grandchild = os.fork()\n"
        "    if not grandchild: delivery.put(event_log(span_id=3))\n"
        "    finish(grandchild)\n"
        "finish(child)\n"
        "assert delivery.force_flush(30)\n"
    )
    run_program(script, collector, str(tmp_path / "spool"))
    assert sorted(collector.accepted) == [1, 2, 3]
