"""Certificate files: what is wrong with them is told by option, file and way to mend it."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from otel_eventlog_collector.config import load_settings
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.tls import TlsFiles


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    """Return good files."""
    ca = trustme.CA()
    made = ca.issue_cert("127.0.0.1")
    found = TlsFiles(tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem")
    made.cert_chain_pems[0].write_to_path(found.cert)
    made.private_key_pem.write_to_path(found.key)
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    return found


def options(files: TlsFiles, **changes: object) -> dict[str, object]:
    """Return the options that name the files."""
    named = {"tls_cert": files.cert, "tls_key": files.key, "tls_client_ca": files.client_ca}
    return {name: value for name, value in (named | changes).items() if value is not None}


def mistake(given: dict[str, object]) -> str:
    """Return what is told about a wrong configuration; it is one mistake."""
    with pytest.raises(ConfigError) as raised:
        load_settings(given)
    (told,) = raised.value.mistakes
    return told


def test_good_files_make_a_context(files: TlsFiles) -> None:
    """With a client CA certificates are required; TLS 1.2 is the least."""
    settings, _ = load_settings(options(files))
    assert settings.tls_files == files
    context = files.context()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert TlsFiles(files.cert, files.key).context().verify_mode is ssl.CERT_NONE


def test_certificate_and_key_belong_together(files: TlsFiles) -> None:
    """One without the other is no TLS, and nobody would notice plain text."""
    for given, named in (
        (options(files, tls_key=None), "--tls-cert"),
        (options(files, tls_cert=None), "--tls-key"),
        (options(files, tls_cert=None, tls_key=None), "--tls-client-ca"),
    ):
        told = mistake(given)
        assert told.startswith(named)
        assert "give --tls-cert FILE and --tls-key FILE" in told


@pytest.mark.parametrize("name", ["cert", "key", "client_ca"])
def test_a_file_that_is_not_there_is_named(files: TlsFiles, name: str) -> None:
    """The option, the path and the reason are told."""
    getattr(files, name).unlink()
    told = mistake(options(files))
    assert told.startswith(f"--tls-{name.replace('_', '-')} {getattr(files, name)}: cannot be read")


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("cert", "hello", "no certificate with its private key"),
        ("key", "hello", "no certificate with its private key"),
        ("client_ca", "hello", "holds no certificate"),
        ("client_ca", "", "holds no certificate"),
    ],
)
def test_what_is_no_pem_is_told(files: TlsFiles, name: str, content: str, expected: str) -> None:
    """A file of something else is told as such, with what belongs there."""
    getattr(files, name).write_text(content)
    told = mistake(options(files))
    assert expected in told
    assert "PEM" in told


def test_another_certificates_key_is_told(files: TlsFiles) -> None:
    """A key that does not fit the certificate is the commonest mistake."""
    trustme.CA().issue_cert("127.0.0.1").private_key_pem.write_to_path(files.key)
    assert "is not the key of the certificate" in mistake(options(files))


def test_a_locked_key_is_told_and_nobody_is_asked(files: TlsFiles) -> None:
    """A collector starts without a terminal: it cannot ask for a password."""
    key = serialization.load_pem_private_key(files.key.read_bytes(), None)
    files.key.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"sesame"),
        )
    )
    told = mistake(options(files))
    assert "locked with a password" in told
    assert "without a password" in told


def test_files_named_in_a_file_lie_beside_it(files: TlsFiles, tmp_path: Path) -> None:
    """The keys of the configuration file take paths relative to it."""
    config = tmp_path / "collector.toml"
    config.write_text('tls_cert = "cert.pem"\ntls_key = "key.pem"\ntls_client_ca = "ca.pem"\n')
    settings, _ = load_settings({}, config)
    assert settings.tls_files == files
