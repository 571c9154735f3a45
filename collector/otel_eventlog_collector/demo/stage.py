"""The demo's processes: one collector, the shop twice, the mobile API. Start, watch, stop.

The collector is `otel-eventlog serve`, the apps run under `opentelemetry-instrument`: exactly what
a user would type, nothing is wired up behind the scenes.
"""

from __future__ import annotations

import secrets
import shutil
import sys
import sysconfig
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import httpx

from otel_eventlog_collector.demo.processes import (
    Child,
    Interrupted,
    answers,
    clean_environment,
    free_ports,
    is_free,
    wait_until,
)
from otel_eventlog_collector.errors import CollectorError, ConfigError

RULES = Path(__file__).with_name("rules.toml")
LOOPBACK = "127.0.0.1"
PROJECT = "otel-eventlog-demo"
SHOP = "shop"
MOBILE = "mobile"
APP_GRACE_S = 10.0
COLLECTOR_GRACE_S = 20.0
PORT_TAKEN = "Address already in use"
NO_OUTCOME_AFTER = "30s"
"""Early, so that a crashed request soon shows as "no outcome"."""

NEEDED = {
    "flask": "flask",
    "fastapi": "fastapi",
    "uvicorn": "uvicorn",
    "opentelemetry.distro": "opentelemetry-distro",
    "opentelemetry.instrumentation.flask": "opentelemetry-instrumentation-flask",
    "opentelemetry.instrumentation.fastapi": "opentelemetry-instrumentation-fastapi",
}
"""Modules that the apps run on, and the package of each."""


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where the collector should listen, as HOST:PORT."""

    otlp_http: str
    otlp_grpc: str
    http: str


def check_packages() -> None:
    """Do nothing if everything that the apps need is installed.

    Raises:
        ConfigError: something is missing; says what, and how to get it.

    """
    missing = [package for module, package in NEEDED.items() if not _is_installed(module)]
    if missing or _instrument_command() is None:
        raise ConfigError(
            f"demo: its apps need packages that are not installed: {', '.join(missing)}"
            if missing
            else "demo: the command opentelemetry-instrument is not installed",
            hint='python -m pip install "otel-eventlog-collector[demo]"',
        )


def listener(asked: str | None, name: str, port: int, notes: list[str]) -> str:
    """Return what was asked for, else the usual port, or any free one with a note on why."""
    if asked is not None:
        return asked
    if is_free(port):
        return f"127.0.0.1:{port}"
    notes.append(f"port {port} is taken: {name} listens on a free one instead")
    return "127.0.0.1:0"


class Stage:
    """Everything that runs. Leaving the `with` block stops all of it, whatever happened."""

    def __init__(
        self,
        listeners: Listeners,
        data: Path,
        work: Path,
        *,
        fallback: Listeners,
        jaeger: str | None,
        interrupted: Event,
    ) -> None:
        """Describe the processes.

        Args:
            listeners: where the collector listens; port 0 = any free one.
            data: the collector's data directory.
            work: an empty directory for the apps' databases and everybody's log.
            fallback: where it listens if somebody was quicker to take one of these ports.
            jaeger: base URL of an OTLP/HTTP receiver for traces, or None.
            interrupted: set when the user wants to stop.

        """
        self._work = work
        self._jaeger = jaeger
        self._interrupted = interrupted
        self._secret_key = secrets.token_hex()
        self._hash_key_file = work / "hash-key"
        self._hash_key_file.write_text(secrets.token_hex())
        self._apps: list[tuple[Child, int]] = []
        self._listeners = listeners
        self._fallback = fallback
        self._data = data
        self._collector = self._collector_at(listeners)
        self._doomed: tuple[Child, int] | None = None
        self.otlp_http_url = ""
        self.otlp_grpc_address = ""
        self.http_url = ""

    def __enter__(self) -> Self:
        """Start everything; return when everybody answers.

        Raises:
            CollectorError: a process ended at once; with its last lines.
            Interrupted: the user wants to stop already.

        """
        try:
            self._start_collector()
            self._start_apps()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop everything: the apps first, so that their last event logs still arrive."""
        self._stop()

    def app_urls(self) -> tuple[str, str, str]:
        """Return the addresses of the shop, its second worker, and the mobile API."""
        shop, doomed, mobile = (f"http://127.0.0.1:{port}" for _, port in self._apps)
        return shop, doomed, mobile

    def check(self) -> None:
        """Do nothing while everything runs that should.

        Raises:
            CollectorError: a process has ended by itself; with its last lines.

        """
        self._collector.check()
        for app in self._apps:
            if app is not self._doomed:
                app[0].check()

    def kill_worker(self) -> None:
        """Kill the shop's second worker with SIGKILL."""
        if self._doomed:
            self._doomed[0].kill()

    def revive_worker(self) -> None:
        """Start the shop's second worker again; returns when it answers, or at Ctrl-C."""
        if not self._doomed:
            return
        worker, port = self._doomed
        worker.start()
        with suppress(Interrupted):
            wait_until(worker, lambda: answers(LOOPBACK, port), self._interrupted)

    def stop_apps(self) -> None:
        """Stop the apps, which send what they still have; safe to call twice."""
        for child, _ in self._apps:
            child.ask_to_stop(interrupt=True)
        for child, _ in self._apps:
            child.wait(APP_GRACE_S)

    def stored_events(self) -> int:
        """Return how many event logs the collector has stored since it was started.

        Raises:
            CollectorError: it does not say.

        """
        try:
            answer = httpx.get(f"{self.http_url}/api/v1/status", trust_env=False)
            return int(answer.raise_for_status().json()["events"]["stored"])
        except httpx.HTTPError as error:
            raise self._collector.failure(f"does not tell its status ({error})") from error

    def app_logs(self) -> str:
        """Return the end of what each app printed."""
        return "\n".join(f"--- {child.name}\n{child.log().strip()}" for child, _ in self._apps)

    def _collector_at(self, listeners: Listeners) -> Child:
        command = _serve_command(listeners, self._data, self._jaeger)
        return Child("collector", command, clean_environment(), self._work)

    def _start_collector(self) -> None:
        try:
            self._run_collector()
        except CollectorError:
            # A port that was free a moment ago can be taken by the time it is needed.
            if self._fallback == self._listeners or PORT_TAKEN not in self._collector.log():
                raise
            self._collector = self._collector_at(self._fallback)
            self._run_collector()

    def _run_collector(self) -> None:
        collector = self._collector
        collector.start()
        wait_until(collector, lambda: "\nready\n" in collector.log(), self._interrupted)
        for line in collector.log().splitlines():
            match line.split():
                case ["listening", "otlp-http", url]:
                    self.otlp_http_url = url
                case ["listening", "otlp-grpc", address]:
                    self.otlp_grpc_address = address
                case ["listening", "http", url]:
                    self.http_url = url

    def _start_apps(self) -> None:
        ports = free_ports(3)
        shop = ("flask", "--app", "otel_eventlog_collector.demo.apps.shop", "run")
        mobile = ("uvicorn", "otel_eventlog_collector.demo.apps.mobile:app", "--no-access-log")
        self._add_app(SHOP, SHOP, shop, ports[0])
        self._add_app("shop worker 2", SHOP, shop, ports[1])
        self._add_app(MOBILE, MOBILE, mobile, ports[2])
        self._doomed = self._apps[1]
        for child, _ in self._apps:
            child.start()
        for child, port in self._apps:
            wait_until(child, lambda port=port: answers(LOOPBACK, port), self._interrupted)  # type: ignore[misc]

    def _add_app(self, name: str, service: str, program: Sequence[str], port: int) -> None:
        command = (
            *(_instrument_command() or ()),
            *(sys.executable, "-m", *program),
            *("--host", LOOPBACK, "--port", str(port)),
        )
        child = Child(name, command, self._app_environment(service), self._work)
        self._apps.append((child, port))

    def _app_environment(self, service: str) -> dict[str, str]:
        """Return what turns an ordinary instrumented app into one with event logs, and its own."""
        environment = clean_environment() | {
            "OTEL_EVENTLOG_ENDPOINT": self.otlp_http_url,
            "OTEL_EVENTLOG_RULES": str(RULES),
            "OTEL_EVENTLOG_HASH_KEY_FILE": str(self._hash_key_file),
            "OTEL_SERVICE_NAME": service,
            "OTEL_RESOURCE_ATTRIBUTES": f"service.namespace={PROJECT},service.version=1.0.0,"
            "deployment.environment.name=demo",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "DEMO_DATABASE": str(self._work / f"{service}.sqlite"),
            "DEMO_SECRET_KEY": self._secret_key,
            "FLASK_SKIP_DOTENV": "1",
        }
        if service == MOBILE:  # one app with the old attribute names, one with the stable ones
            environment["OTEL_SEMCONV_STABILITY_OPT_IN"] = "http"
        if self._jaeger:
            environment |= {
                "OTEL_TRACES_EXPORTER": "otlp",
                "OTEL_EXPORTER_OTLP_ENDPOINT": self._jaeger,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                "OTEL_BSP_SCHEDULE_DELAY": "1000",
            }
        return environment

    def _stop(self) -> None:
        self.stop_apps()
        self._collector.ask_to_stop()
        self._collector.wait(COLLECTOR_GRACE_S)


def _serve_command(listeners: Listeners, data: Path, jaeger: str | None) -> tuple[str, ...]:
    options = {
        "--data": str(data),
        "--otlp-http": listeners.otlp_http,
        "--otlp-grpc": listeners.otlp_grpc,
        "--http": listeners.http,
        "--no-outcome-after": NO_OUTCOME_AFTER,
    }
    if jaeger:
        host = urlsplit(jaeger).hostname or "localhost"
        options["--trace-url"] = f"http://{host}:16686/trace/{{trace_id}}"
    run = "from otel_eventlog_collector.cli.main import run; run()"
    return (
        sys.executable,
        "-c",
        run,
        "serve",
        *(word for pair in options.items() for word in pair),
    )


def _instrument_command() -> tuple[str, ...] | None:
    """Return the command opentelemetry-instrument of this Python, or None if there is none."""
    name = "opentelemetry-instrument"
    found = shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)
    return (found,) if found else None


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # its parent package is missing already
        return False
