"""Certificates of the listeners: read and checked at the start, and again when the files change."""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from otel_eventlog_collector.errors import ConfigError

Stamp: TypeAlias = tuple[tuple[int, int, int] | None, ...]
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """The files of `--tls-cert`, `--tls-key` and `--tls-client-ca`, all PEM."""

    cert: Path
    key: Path
    client_ca: Path | None = None

    def context(self) -> ssl.SSLContext:
        """Return a server's context made of the files as they are now.

        Raises:
            ConfigError: a file cannot be read, or is not what it should be.

        """
        for option, path in self._named():
            try:
                path.read_bytes()
            except OSError as error:
                raise ConfigError(
                    f"{option} {path}: cannot be read: {error.strerror}",
                    hint="name a PEM file that the collector's user may read",
                ) from None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        self._load_certificate(context)
        if self.client_ca is not None:
            self._load_client_ca(context, self.client_ca)
        return context

    def check(self) -> None:
        """Raise ValueError if nobody could connect."""
        try:
            self.context()
        except ConfigError as error:
            raise ValueError(f"{error.message}; {error.hint}") from None

    def stamp(self) -> Stamp:
        """Return what changes whenever one of the files does."""
        found: list[tuple[int, int, int] | None] = []
        for _, path in self._named():
            try:
                status = path.stat()
            except OSError:
                found.append(None)
            else:
                found.append((status.st_mtime_ns, status.st_size, status.st_ino))
        return tuple(found)

    def for_grpc(self) -> Any:
        """Return the files as gRPC wants them."""
        import grpc

        return grpc.ssl_server_certificate_configuration(
            [(self.key.read_bytes(), self.cert.read_bytes())],
            root_certificates=self.client_ca.read_bytes() if self.client_ca else None,
        )

    def _named(self) -> list[tuple[str, Path]]:
        named = [("--tls-cert", self.cert), ("--tls-key", self.key)]
        return [*named, ("--tls-client-ca", self.client_ca)] if self.client_ca else named

    def _load_certificate(self, context: ssl.SSLContext) -> None:
        try:
            context.load_cert_chain(self.cert, self.key, password=_no_password)
        except (ssl.SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or str(error)
            if reason == "KEY_VALUES_MISMATCH":
                raise ConfigError(
                    f"--tls-key {self.key}: is not the key of the certificate {self.cert}",
                    hint="give the private key that the certificate was made for",
                ) from None
            raise ConfigError(
                f"--tls-cert {self.cert}, --tls-key {self.key}: "
                f"no certificate with its private key: {reason.replace('_', ' ').lower()}",
                hint="both are PEM; the certificate first and its intermediate ones after it, "
                "the key without a password",
            ) from None

    def _load_client_ca(self, context: ssl.SSLContext, client_ca: Path) -> None:
        try:
            context.load_verify_locations(client_ca)
        except ssl.SSLError as error:
            raise ConfigError(
                f"--tls-client-ca {client_ca}: holds no certificate: {error.reason or error}",
                hint="name a PEM file with the certificates of those who sign for your clients",
            ) from None
        context.verify_mode = ssl.CERT_REQUIRED


def tls_files(cert: Path | None, key: Path | None, client_ca: Path | None) -> TlsFiles | None:
    """Return the files of a configuration, None if there are none.

    Raises:
        ValueError: one was given without those that belong to it.

    """
    if cert is not None and key is not None:
        return TlsFiles(cert, key, client_ca)
    for option, given in (("cert", cert), ("key", key), ("client-ca", client_ca)):
        if given is not None:
            raise ValueError(
                f"--tls-{option}: TLS needs a certificate and its key; give "
                "--tls-cert FILE and --tls-key FILE"
            )
    return None


def _no_password() -> str:
    """Refuse a key that is locked; OpenSSL would ask at the terminal."""
    raise ValueError("the key is locked with a password")


class Certificates:
    """The certificate that a listener shows, always the one that the files hold.

    The files are looked at on each handshake. What cannot be used is logged, and the last good
    certificate stays in use. Any thread may ask.

    Args:
        files: where they are.

    Raises:
        ConfigError: they are wrong.

    """

    def __init__(self, files: TlsFiles) -> None:
        """Read the files."""
        self._files = files
        self._lock = threading.Lock()
        self._seen = self._stamp = files.stamp()
        self._current = files.context()

    def context(self) -> ssl.SSLContext:
        """Return a context for a listener; each of its connections gets the current certificate."""
        context = self._files.context()
        context.sni_callback = self._on_hello
        return context

    def grpc_credentials(self) -> Any:
        """Return a gRPC listener's credentials; each of its connections gets the current ones."""
        import grpc

        stamp = self._stamp

        def changed() -> Any:
            nonlocal stamp
            self._look()
            if stamp == self._stamp:
                return None
            stamp = self._stamp
            return self._files.for_grpc()

        return grpc.dynamic_ssl_server_credentials(
            self._files.for_grpc(),
            changed,
            require_client_authentication=self._files.client_ca is not None,
        )

    def _on_hello(
        self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext
    ) -> None:
        self._look()
        connection.context = self._current

    def _look(self) -> None:
        """Read the files again if they changed and are good."""
        with self._lock:
            stamp = self._files.stamp()
            if stamp == self._seen:
                return
            self._seen = stamp
            try:
                self._current = self._files.context()
            except ConfigError as error:
                _log.warning("the certificate in use stays: %s; %s", error.message, error.hint)
            else:
                self._stamp = stamp
                _log.info("the certificate was read again: %s", self._files.cert)
