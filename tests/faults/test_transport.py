"""What travels and to whom: TLS with a private authority, client certificates, headers, traces."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
import pytest
import trustme

from tests.support.fake_collector import FakeCollector
from tests.support.grpc_collector import GrpcCollector
from tests.support.otlp_sink import OtlpSink
from tests.support.shops import Shop, gunicorn
from tests.support.traffic import Traffic
from tests.support.waiting import eventually

PATIENCE_S = 60.0

pytestmark = [pytest.mark.e2e, pytest.mark.slow]


@dataclass(frozen=True)
class Authority:
    """A private authority: what the collector shows, and the variables for who talks to it."""

    ca: trustme.CA
    server: trustme.LeafCert
    trusting: dict[str, str]
    identified: dict[str, str]


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Return an authority nobody else trusts, with a certificate for either side."""
    ca = trustme.CA()
    ours, key, certificate = (tmp_path / name for name in ("ca.pem", "key.pem", "cert.pem"))
    client = ca.issue_cert("shop@example.com")
    ca.cert_pem.write_to_path(ours)
    client.private_key_pem.write_to_path(key)
    client.cert_chain_pems[0].write_to_path(certificate)
    trusting = {"OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE": str(ours)}
    identified = {
        "OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY": str(key),
        "OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE": str(certificate),
    }
    return Authority(ca, ca.issue_cert("127.0.0.1"), trusting, trusting | identified)


@pytest.fixture
def https(authority: Authority) -> Iterator[FakeCollector]:
    """Return a collector that speaks TLS and asks for a certificate of the authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.server.configure_cert(context)
    authority.ca.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    collector = FakeCollector()
    collector.wrap(context)
    yield collector
    collector.stop()


@pytest.fixture
def grpcs(authority: Authority) -> Iterator[GrpcCollector]:
    """Return the same over gRPC."""
    pair = (
        authority.server.private_key_pem.bytes(),
        authority.server.cert_chain_pems[0].bytes(),
    )
    credentials = grpc.ssl_server_credentials(
        [pair], root_certificates=authority.ca.cert_pem.bytes(), require_client_auth=True
    )
    collector = GrpcCollector(credentials)
    yield collector
    collector.stop()


@pytest.mark.parametrize("compression", ["gzip", "deflate"])
def test_http_with_tls_compression_and_our_own_headers(
    compression: str, authority: Authority, https: FakeCollector, tmp_path: Path
) -> None:
    """Standard variables rule TLS and compression; of headers only ours arrive; no call is traced.

    Planted are a vendor's key in the standard variables and a password in `.netrc`; `requests` is
    instrumented, as `opentelemetry-instrument` does it.
    """
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login vendor password sesame\n")
    netrc.chmod(0o600)
    environment = authority.identified | {
        "HOME": str(tmp_path),
        "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": compression,
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=sesame",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "x-vendor=sesame,authorization=Basic sesame",
        "OTEL_EVENTLOG_HEADERS": "authorization=Bearer%20ours,x-tenant=acme",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    }
    with OtlpSink() as traces:
        environment |= {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": traces.url,
        }
        url = https.url.replace("http:", "https:")
        with gunicorn("shop", url, **environment) as shop:
            with Traffic("shop", shop.url, pause_s=0.05) as traffic:
                assert eventually(lambda: len(traffic.answered) > 10, within_s=PATIENCE_S)
            wanted = 2 * len(traffic.answered)
            assert eventually(lambda: len(https.event_ids) == wanted, within_s=PATIENCE_S)
        assert {span.name for span in traces.spans} == {"POST /login"}
        assert any("sesame" in headers.get("api-key", "") for headers in traces.headers)
    for received in https.received:
        assert received.headers["content-encoding"] == compression
        assert received.headers["authorization"] == "Bearer ours"
        assert received.headers["x-tenant"] == "acme"
        assert "sesame" not in repr(received.headers)


def test_grpc_with_tls_and_our_own_headers(authority: Authority, grpcs: GrpcCollector) -> None:
    """Over gRPC likewise: a private authority, a client certificate, and nobody else's key."""
    environment = authority.identified | {
        "OTEL_EVENTLOG_PROTOCOL": "grpc",
        "OTEL_EXPORTER_OTLP_LOGS_COMPRESSION": "gzip",
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=sesame",
        "OTEL_EVENTLOG_HEADERS": "authorization=Bearer%20ours",
    }
    with gunicorn("shop", f"https://127.0.0.1:{grpcs.port}", **environment) as shop:
        with Traffic("shop", shop.url, pause_s=0.05) as traffic:
            assert eventually(lambda: len(traffic.answered) > 10, within_s=PATIENCE_S)
        wanted = 2 * len(traffic.answered)
        assert eventually(lambda: len(grpcs.accepted) == wanted, within_s=PATIENCE_S)
    assert {metadata["authorization"] for metadata in grpcs.metadata} == {"Bearer ours"}
    assert "sesame" not in repr(grpcs.metadata)


def test_whom_we_do_not_trust_gets_nothing(authority: Authority, https: FakeCollector) -> None:
    """Without the authority, or without our certificate, nothing is sent and nothing is lost."""
    url = https.url.replace("http:", "https:")
    with (
        gunicorn("nobody", url) as nobody,
        gunicorn("trusting", url, **authority.trusting) as trusting,
    ):
        for shop in (nobody, trusting):
            with Traffic("shop", shop.url, pause_s=0.05) as traffic:
                assert eventually(lambda: len(traffic.answered) > 3, within_s=PATIENCE_S)
            assert not traffic.unanswered
            assert eventually(partial(is_waiting, shop), within_s=PATIENCE_S)
    assert not https.received


def is_waiting(shop: Shop) -> bool:
    """Whether an application keeps event logs that it cannot deliver."""
    stats = shop.counters()
    return stats["retried"] > 0 and stats["is_failing"] and not stats["dropped"]
