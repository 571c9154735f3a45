"""A load generator in a process of its own, that costs as little processor time as possible.

Parent side: `with load_generator() as load: answer = load.run(Order(...))`. The child prepares the
requests of an order, sends them over raw sockets that stay open, and tells what came back, how
long it took and what share of a core it needed itself.

    python -m benchmarks.load    reads orders (JSON lines) from stdin, answers on stdout
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field

from benchmarks import log_messages, span_messages
from benchmarks.messages import Message
from benchmarks.sending import Sent, send

KINDS: Mapping[str, Callable[[str, int, int, random.Random], Message]] = {
    "wanted": span_messages.wanted,
    "unwanted": span_messages.unwanted,
    "mixed": span_messages.mixed,
    "logs": log_messages.event_logs,
}
STOP = "stop"
PREPARED_RECORDS = 16_384
"""Distinct records in all messages of an order together; each kind of load is made once."""
PREPARED_MESSAGES_MIN = 48


@dataclass(frozen=True, slots=True)
class Order:
    """One run of load.

    Attributes:
        kind: one of KINDS.
        host: `127.0.0.1:4328`.
        records: spans or log records a request.
        connections: how many stay open, each with one request in flight at most.
        seconds: how long requests are begun.
        requests_per_s: pace; 0 = as fast as answers come.
        every: tell of each request when it was due and how long it took.

    """

    kind: str
    host: str
    records: int
    connections: int
    seconds: float
    requests_per_s: float = 0.0
    every: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of an order.

    Attributes:
        requests: answered with 200.
        records: spans or log records in those.
        seconds: from the first byte sent to the last answer.
        statuses: answers by HTTP status code; 0 = the connection broke.
        p50_ms, p99_ms, max_ms: of requests answered with 200, from when each was due.
        processor_share: of a core, that the generator itself used.
        truth: event logs that are stored now, by `field=value`.
        each: when each request was due (seconds, monotonic clock) and how many ms it took.

    """

    requests: int
    records: int
    seconds: float
    statuses: Mapping[str, int]
    p50_ms: float
    p99_ms: float
    max_ms: float
    processor_share: float
    truth: Mapping[str, int] = field(default_factory=dict)
    each: list[tuple[float, float]] = field(default_factory=list)

    @property
    def records_per_s(self) -> float:
        """Records answered with 200, a second."""
        return self.records / self.seconds if self.seconds else 0.0

    @property
    def failures(self) -> int:
        """Requests answered with anything but 200."""
        return sum(count for status, count in self.statuses.items() if status != "200")


class LoadGenerator:
    """The parent's handle of the process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def begin(self, order: Order) -> None:
        """Let it begin; `finish` waits for the answer."""
        self._tell(json.dumps(asdict(order)))

    def started(self) -> None:
        """Wait until the requests are prepared and the first one goes out."""
        self._line()

    def stop(self) -> Answer:
        """End the order before its time."""
        self._tell(STOP)
        return self.finish()

    def finish(self) -> Answer:
        """Wait for the order's end."""
        return Answer(**json.loads(self._line()))

    def run(self, order: Order) -> Answer:
        """Do an order from beginning to end."""
        self.begin(order)
        self.started()
        return self.finish()

    def _tell(self, line: str) -> None:
        if self._process.stdin is None:
            raise RuntimeError("the load generator was started without its pipes")
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise RuntimeError("the load generator ended; its error stands above")
        return line


@contextmanager
def load_generator() -> Iterator[LoadGenerator]:
    """Run the process until the block ends."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.load"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield LoadGenerator(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        process.terminate()
        process.wait(30)


# --- the process itself ---------------------------------------------------------------------------


def prepare(order: Order) -> list[Message]:
    """Return the requests of an order, the same ones for the same order."""
    rng = random.Random(f"{order.kind} {order.records}")
    count = max(PREPARED_MESSAGES_MIN, PREPARED_RECORDS // order.records)
    make = KINDS[order.kind]
    name = order.host.partition(":")[0]  # without port: the same requests suit every collector
    return [make(name, order.records, number, rng) for number in range(count)]


def _answer(order: Order, sent: Sent, processor_s: float) -> Answer:
    truth: Counter[str] = Counter()
    for message, count in zip(sent.messages, sent.acknowledged, strict=True):
        for (name, value), events in message.truth.items():
            truth[f"{name}={value}"] += events * count
    latencies = sorted(ms for _, ms in sent.each)
    last = len(latencies) - 1
    return Answer(
        requests=len(latencies),
        records=len(latencies) * order.records,
        seconds=sent.seconds,
        statuses={str(status): count for status, count in sent.statuses.items()},
        p50_ms=latencies[last // 2] if latencies else 0.0,
        p99_ms=latencies[int(last * 0.99)] if latencies else 0.0,
        max_ms=latencies[-1] if latencies else 0.0,
        processor_share=processor_s / sent.seconds if sent.seconds else 0.0,
        truth=dict(truth),
        each=sent.each if order.every else [],
    )


def main() -> None:
    """Do the orders that come in, one after the other."""
    prepared: dict[tuple[str, int], list[Message]] = {}
    for line in sys.stdin:
        if line.strip() == STOP:  # it came when the order was over already, or has ended it
            continue
        order = Order(**json.loads(line))
        key = (order.kind, order.records)
        if key not in prepared:
            prepared[key] = prepare(order)
        print("started", flush=True)
        before_s = time.process_time()
        sent = send(
            prepared[key],
            order.host,
            order.connections,
            order.seconds,
            requests_per_s=order.requests_per_s,
            stop=sys.stdin,
        )
        answer = _answer(order, sent, time.process_time() - before_s)
        print(json.dumps(asdict(answer)), flush=True)


if __name__ == "__main__":
    main()
