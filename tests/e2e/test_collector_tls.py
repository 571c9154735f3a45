"""A real collector that speaks TLS, and wants certificates, before the stock exporters."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
import pytest
import trustme
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import (
    OTLPSpanExporter as GrpcSpanExporter,
)
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import (
    OTLPSpanExporter as HttpSpanExporter,
)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind

from tests.support.collector import Collector, serving
from tests.support.waiting import eventually

pytestmark = [pytest.mark.e2e, pytest.mark.slow]
TIMEOUT_S = 3


@dataclass
class Papers:
    """A private authority and the files made with it."""

    folder: Path
    ca: trustme.CA
    ca_file: Path
    client_cert: Path
    client_key: Path

    def write_server(self, ca: trustme.CA | None = None) -> None:
        """Write the collector's certificate and key."""
        made = (ca or self.ca).issue_cert("127.0.0.1", "localhost")
        for name, blob in (
            ("server.pem", b"".join(pem.bytes() for pem in made.cert_chain_pems)),
            ("server.key", made.private_key_pem.bytes()),
        ):
            fresh = self.folder / f"{name}.new"
            fresh.write_bytes(blob)
            fresh.replace(self.folder / name)

    @property
    def options(self) -> tuple[str, ...]:
        """Return the options of a collector with TLS."""
        return (
            *("--tls-cert", str(self.folder / "server.pem")),
            *("--tls-key", str(self.folder / "server.key")),
        )

    @property
    def mutual(self) -> tuple[str, ...]:
        """Return the options of a collector that wants certificates."""
        return (*self.options, "--tls-client-ca", str(self.ca_file))


@pytest.fixture
def papers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Papers:
    """Return certificates nobody else trusts."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)  # would outrank what the exporter is told
    ca = trustme.CA()
    ca_file, cert, key = (tmp_path / name for name in ("ca.pem", "client.pem", "client.key"))
    ca.cert_pem.write_to_path(ca_file)
    client = ca.issue_cert("shop@example.com")
    client.cert_chain_pems[0].write_to_path(cert)
    client.private_key_pem.write_to_path(key)
    found = Papers(tmp_path, ca, ca_file, cert, key)
    found.write_server()
    return found


def over_http(collector: Collector, papers: Papers, *, identified: bool) -> SpanExporter:
    """Return the stock HTTP exporter."""
    return HttpSpanExporter(
        endpoint=f"{collector.otlp_http}/v1/traces",
        certificate_file=str(papers.ca_file),
        client_key_file=str(papers.client_key) if identified else None,
        client_certificate_file=str(papers.client_cert) if identified else None,
        compression=Compression.Gzip,
        timeout=TIMEOUT_S,
    )


def over_grpc(collector: Collector, papers: Papers, *, identified: bool) -> SpanExporter:
    """Return the stock gRPC exporter."""
    credentials = grpc.ssl_channel_credentials(
        papers.ca_file.read_bytes(),
        papers.client_key.read_bytes() if identified else None,
        papers.client_cert.read_bytes() if identified else None,
    )
    return GrpcSpanExporter(
        endpoint=f"https://{collector.otlp_grpc}", credentials=credentials, timeout=TIMEOUT_S
    )


EXPORTERS = [pytest.param(over_http, id="http"), pytest.param(over_grpc, id="grpc")]
Make = Callable[..., SpanExporter]


@contextmanager
def closing(exporter: SpanExporter) -> Iterator[SpanExporter]:
    """Shut an exporter down at the end of the block."""
    try:
        yield exporter
    finally:
        exporter.shutdown()


def exported(exporter: SpanExporter) -> bool:
    """Export one log-in; return whether it was taken."""
    provider = TracerProvider(shutdown_on_exit=False)
    span: Any = provider.get_tracer("shop").start_span(
        "POST /login",
        kind=SpanKind.SERVER,
        attributes={"http.request.method": "POST", "http.route": "/login"},
    )
    span.set_attribute("http.response.status_code", 200)
    span.end()
    return exporter.export([span]) is SpanExportResult.SUCCESS


def people(collector: Collector, papers: Papers) -> httpx.Client:
    """Return a client of the dashboard and API, without a certificate of its own."""
    context = ssl.create_default_context(cafile=papers.ca_file)
    return httpx.Client(base_url=collector.http, verify=context, trust_env=False)


@pytest.mark.parametrize("make", EXPORTERS)
@pytest.mark.parametrize("mutual", [False, True])
def test_the_stock_exporters_deliver_over_tls(
    papers: Papers, tmp_path: Path, make: Make, *, mutual: bool
) -> None:
    """Event logs arrive over TLS, with and without a certificate of the sender."""
    options = papers.mutual if mutual else papers.options
    with serving(tmp_path / "data", *options) as collector:
        assert collector.otlp_http.startswith("https://127.0.0.1:")
        assert collector.http.startswith("https://127.0.0.1:")
        with closing(make(collector, papers, identified=mutual)) as exporter:
            assert exported(exporter)
        with people(collector, papers) as client:
            assert len(client.get("/api/v1/events").json()["events"]) == 2


@pytest.mark.parametrize("make", EXPORTERS)
def test_a_sender_without_a_certificate_is_kept_out(
    papers: Papers, tmp_path: Path, make: Make
) -> None:
    """With a client CA nobody else delivers; people need no certificate, they have tokens."""
    with serving(tmp_path / "data", *papers.mutual) as collector:
        with closing(make(collector, papers, identified=False)) as exporter:
            assert not exported(exporter)
        with people(collector, papers) as client:
            assert client.get("/healthz").status_code == 200
            assert client.get("/api/v1/events").json()["events"] == []


@pytest.mark.parametrize("make", EXPORTERS)
def test_a_sender_that_does_not_trust_us_sends_nothing(
    papers: Papers, tmp_path: Path, make: Make
) -> None:
    """A certificate of another authority is no certificate, and plain text is not understood."""
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(stranger)
    trusting_others = Papers(tmp_path, papers.ca, stranger, papers.client_cert, papers.client_key)
    with serving(tmp_path / "data", *papers.options) as collector:
        with closing(make(collector, trusting_others, identified=False)) as exporter:
            assert not exported(exporter)
        with pytest.raises(httpx.HTTPError):
            httpx.get(collector.otlp_http.replace("https", "http"), trust_env=False)


@pytest.mark.parametrize("make", EXPORTERS)
def test_a_renewed_certificate_is_picked_up(papers: Papers, tmp_path: Path, make: Make) -> None:
    """New files are in use for the next connection; broken ones change nothing and are logged."""
    data = tmp_path / "data"
    with serving(data, *papers.options) as collector:
        with closing(make(collector, papers, identified=False)) as exporter:
            assert exported(exporter)
        whole = (tmp_path / "server.pem").read_bytes()
        (tmp_path / "server.pem").write_bytes(b"not yet written")
        with closing(make(collector, papers, identified=False)) as exporter:
            assert exported(exporter)
        log = data.with_suffix(".log")
        assert eventually(lambda: "the certificate in use stays" in log.read_text())
        (tmp_path / "server.pem").write_bytes(whole)
        renewed = trustme.CA()
        renewed.cert_pem.write_to_path(papers.ca_file)
        papers.write_server(renewed)
        with closing(make(collector, papers, identified=False)) as exporter:
            assert exported(exporter)
        with people(collector, papers) as client:
            assert client.get("/readyz").status_code == 200


def test_a_client_that_never_shakes_hands_is_cut(papers: Papers, tmp_path: Path) -> None:
    """A connection that begins no handshake does not stay open."""
    with serving(tmp_path / "data", *papers.options) as collector:
        port = int(collector.otlp_http.rsplit(":", 1)[1])
        begun = time.monotonic()
        with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
            assert line.recv(1) == b""
        assert time.monotonic() - begun < 20
