"""The settings of the application part, and what is built from them.

Sources, the first that has a value wins: arguments of `install()`, environment variables
(`environment_variables.py`), the TOML file that `OTEL_EVENTLOG_CONFIG` names. Every mistake in all
of them is reported at once.
"""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

from otel_eventlog import environment_variables as names
from otel_eventlog.delivery.delivery import Delivery
from otel_eventlog.delivery.sender import Sender, Transport
from otel_eventlog.delivery.worker import Materialise
from otel_eventlog.errors import SettingsError
from otel_eventlog.mapping import Mapper
from otel_eventlog.model import Rank
from otel_eventlog.privacy import Privacy, read_hash_keys

HTTP_PROTOBUF = "http/protobuf"
GRPC = "grpc"
DEFAULT_ENDPOINTS = {HTTP_PROTOBUF: "http://localhost:4328", GRPC: "http://localhost:4327"}

_PREFIX = "OTEL_EVENTLOG_"
_YES = frozenset({"true", "1", "yes", "on"})
_NO = frozenset({"false", "0", "no", "off", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The checked settings of one process.

    Attributes:
        endpoint: base URL of the collector as configured; None means nobody named one.
        protocol: `http/protobuf` or `grpc`.
        headers: sent with every request; never shown.
        rules: rule files, first match wins.
        packs: rule packs beyond those that are on by default.
        spool_dir: directory of the spool; None keeps event logs in memory only.
        hash_key: key of all keyed hashes; never shown. None leaves such fields out.
        hash_client_address: send client addresses as keyed hashes only.
        hash_identifiers: send e-mail addresses and phone numbers as keyed hashes only.
        compression: `none`, `gzip` or `deflate`, from the standard OTLP variables, as below.
        certificate_file: authorities to trust instead of the usual ones.
        client_key_file: our private key, where the collector asks for a certificate.
        client_certificate_file: our certificate.

    """

    endpoint: str | None = None
    protocol: str = HTTP_PROTOBUF
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    rules: tuple[Path, ...] = ()
    packs: tuple[str, ...] = ()
    spool_dir: Path | None = None
    hash_key: bytes | None = field(default=None, repr=False)
    hash_client_address: bool = False
    hash_identifiers: bool = False
    compression: str = "none"
    certificate_file: str | None = None
    client_key_file: str | None = None
    client_certificate_file: str | None = None

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str],
        *,
        endpoint: str | None = None,
        rules: str | Path | Sequence[str | Path] | None = None,
        packs: str | Sequence[str] | None = None,
        spool_dir: str | Path | None = None,
    ) -> Settings:
        """Return the settings of a process.

        Reads the files that `OTEL_EVENTLOG_CONFIG` and `OTEL_EVENTLOG_HASH_KEY_FILE` name.

        Args:
            environ: environment variables, usually `os.environ`; an empty value counts as not set.
            endpoint: as the variable of that name, and stronger; so are the others.
            rules: one rule file or several.
            packs: one rule pack or several.
            spool_dir: directory of the spool.

        Raises:
            SettingsError: lists every mistake found.

        """
        mistakes: list[str] = []
        raw = _from_config_file(environ.get(names.OTEL_EVENTLOG_CONFIG, ""), mistakes)
        for key in _PARSERS:
            variable = _PREFIX + key.upper()
            if environ.get(variable):
                raw[key] = _Raw(environ[variable], variable)
        arguments = {"endpoint": endpoint, "rules": rules, "packs": packs, "spool_dir": spool_dir}
        for key, value in arguments.items():
            if value is not None:
                raw[key] = _Raw(value, f"argument {key!r}")
        values: dict[str, object] = {}
        for key, (field_name, parse) in _PARSERS.items():
            if key in raw:
                try:
                    values[field_name] = parse(raw[key])
                except _Mistake as mistake:
                    mistakes.append(f"{raw[key].where}: {mistake}")
        if environ.get(names.HASH_KEY) and "hash_key_file" not in raw:
            values["hash_key"] = _hash_key_itself(environ, mistakes)
        if mistakes:
            raise SettingsError(mistakes)
        return cls(**{**_standard(environ), **values})  # type: ignore[arg-type]

    @property
    def base_url(self) -> str:
        """Where to send: the endpoint, or our collector on this machine."""
        return self.endpoint or DEFAULT_ENDPOINTS[self.protocol]

    def transport(self) -> Transport:
        """Return what a sender has to know."""
        shared = {item.name for item in fields(Transport)} & {item.name for item in fields(self)}
        return Transport(base_url=self.base_url, **{name: getattr(self, name) for name in shared})


def build_mapper(settings: Settings, rank: Rank = Rank.APP) -> Mapper:
    """Return the mapper with the configured rules and privacy.

    Raises:
        RuleError: lists every mistake in the rule files and pack names.

    """
    from otel_eventlog.actions import catalogue
    from otel_eventlog.rulefile import load_rule_set

    catalogue()  # read now, rather than by the first event log
    privacy = Privacy(
        hash_key=settings.hash_key,
        hash_client_address=settings.hash_client_address,
        hash_identifiers=settings.hash_identifiers,
    )
    return Mapper(load_rule_set(settings.rules, settings.packs), privacy, rank)


def build_sender(settings: Settings) -> Sender:
    """Return the sender for the configured protocol; it connects when first used.

    Raises:
        SettingsError: the package that the protocol needs is not installed.

    """
    if settings.protocol == GRPC:
        if find_spec("grpc") is None:
            raise SettingsError(
                [f"{_PREFIX}PROTOCOL: 'grpc' needs: pip install 'otel-eventlog[grpc]'"]
            )
        from otel_eventlog.delivery.grpc_sender import GrpcSender

        return GrpcSender(settings.transport())
    from otel_eventlog.delivery.http_sender import HttpSender

    return HttpSender(settings.transport())


def build_delivery(settings: Settings, materialise: Materialise) -> Delivery:
    """Return the delivery to the configured collector, with its spool where one is configured.

    Imports what it needs (`requests`, protobuf) here and now, never in its thread.

    Args:
        settings: where to and how.
        materialise: turns what is put into event logs. Runs in the delivery's thread; with a
            spool it runs in the thread that calls `put`, because what is not on disk when `put`
            returns could not survive a kill.

    """
    spool = None
    if settings.spool_dir is not None:
        from otel_eventlog.delivery.spool import Spool

        spool = Spool(settings.spool_dir)
    delivery = Delivery(materialise, build_sender(settings), spool=spool)
    delivery.prepare()
    if spool is not None:
        delivery.start()  # what a killed process has left goes out before anything new comes
    return delivery


class _Mistake(Exception):  # noqa: N818 - never leaves this module
    """What is wrong with one value, and how to mend it."""


@dataclass(frozen=True, slots=True)
class _Raw:
    """A value as it was found."""

    value: object
    where: str
    """Variable, argument, or file and key."""
    folder: Path | None = None
    """What relative paths in it are relative to; None is the working directory."""


def _from_config_file(path_text: str, mistakes: list[str]) -> dict[str, _Raw]:
    if not path_text:
        return {}
    where = f"{names.OTEL_EVENTLOG_CONFIG}={path_text}"
    path = Path(path_text)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        mistakes.append(f"{where}: cannot be read ({error.strerror}); name a readable TOML file")
        return {}
    except ValueError as error:
        mistakes.append(f"{where}: is not TOML: {error}")
        return {}
    found = {}
    for key, value in table.items():
        if key in _PARSERS:
            found[key] = _Raw(value, f"{path_text}: {key}", path.parent)
            continue
        near = difflib.get_close_matches(key, _PARSERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(_PARSERS))}"
        mistakes.append(f"{path_text}: unknown key {key!r}; {hint}")
    return found


def _text(raw: _Raw) -> str:
    if isinstance(raw.value, Path):
        return str(raw.value)
    if not isinstance(raw.value, str) or not raw.value.strip():
        raise _Mistake(f"{raw.value!r} is not text; write one value in quotes")
    return raw.value.strip()


def _items(raw: _Raw, separator: str) -> tuple[str, ...]:
    value = raw.value
    if isinstance(value, str):
        value = value.split(separator)
    elif isinstance(value, Path):
        value = [str(value)]
    if not isinstance(value, Sequence) or not all(isinstance(item, (str, Path)) for item in value):
        raise _Mistake(f"{raw.value!r} is not a list of names; write them in quotes")
    return tuple(text for item in value if (text := str(item).strip()))


def _endpoint(raw: _Raw) -> str:
    text = _text(raw)
    example = "write the collector's base URL, for example 'http://localhost:4328'"
    try:
        parts = urlsplit(text)
        port_is_number = parts.port is None or parts.port > 0
    except ValueError:
        raise _Mistake(f"{text!r} is not a URL; {example}") from None
    if "@" in parts.netloc:  # and the value is not quoted: it holds a password
        raise _Mistake(
            f"user and password in a URL are not sent; remove them and use "
            f"{names.OTEL_EVENTLOG_HEADERS}"
        )
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_number:
        raise _Mistake(
            f"{text!r} does not begin with 'http://' (plain) or 'https://' (TLS); {example}"
        )
    if parts.query or parts.fragment:
        raise _Mistake(f"{text!r} has a query or fragment; {example}")
    if parts.path.rstrip("/").endswith("/v1/logs"):
        raise _Mistake(f"{text!r} ends with '/v1/logs', which is appended; leave that out")
    return text.rstrip("/")


def _protocol(raw: _Raw) -> str:
    text = _text(raw)
    if text not in DEFAULT_ENDPOINTS:
        raise _Mistake(f"{text!r} is not spoken here; write {HTTP_PROTOBUF!r} or {GRPC!r}")
    return text


def _headers(raw: _Raw) -> tuple[tuple[str, str], ...]:
    """Read `name=value,name=value`, URL-encoded, or a table. Values are never quoted back."""
    pairs: list[tuple[str, str]] = []
    if isinstance(raw.value, Mapping):
        pairs = [(str(name), str(value)) for name, value in raw.value.items()]
    else:
        for number, item in enumerate(_text(raw).split(","), 1):
            if not item.strip():
                continue
            name, equals, value = item.partition("=")
            if not equals:
                raise _Mistake(f"item {number} has no '='; write name=value,name=value")
            pairs.append((unquote(name.strip()), unquote(value.strip())))
    for name, value in pairs:
        token = name.replace("-", "").replace("_", "").replace(".", "")
        if not (token.isalnum() and token.isascii()):
            raise _Mistake(f"{name!r} is not the name of a header")
        if not (value.isascii() and value.isprintable()):
            raise _Mistake(f"the value of {name!r} holds characters no header may hold")
    return tuple((name.lower(), value) for name, value in pairs)


def _rules(raw: _Raw) -> tuple[Path, ...]:
    return tuple((raw.folder or Path()) / item for item in _items(raw, ":"))


def _packs(raw: _Raw) -> tuple[str, ...]:
    return _items(raw, ",")


def _path(raw: _Raw) -> Path:
    return (raw.folder or Path()) / _text(raw)


def _hash_key(raw: _Raw) -> bytes:
    """Read the key file; former keys in it are there for `otel-eventlog hash` alone."""
    path = _path(raw)
    try:
        return read_hash_keys(path.read_bytes())[0]
    except OSError as error:
        raise _Mistake(
            f"'{path}' cannot be read ({error.strerror}); name a readable file"
        ) from None
    except ValueError as mistake:
        raise _Mistake(f"'{path}' {mistake}") from None


def _hash_key_itself(environ: Mapping[str, str], mistakes: list[str]) -> bytes | None:
    """Read the key from the environment, where it is a variable and nothing else."""
    try:
        return read_hash_keys(environ[names.HASH_KEY].encode("utf-8", "surrogateescape"))[0]
    except ValueError as mistake:
        mistakes.append(f"{names.HASH_KEY}: {mistake}")
        return None


def _truth(raw: _Raw) -> bool:
    if isinstance(raw.value, bool):
        return raw.value
    text = str(raw.value).strip().lower()
    if text not in _YES | _NO:
        raise _Mistake(f"{raw.value!r} is neither 'true' nor 'false'")
    return text in _YES


_PARSERS: dict[str, tuple[str, Callable[[_Raw], object]]] = {
    "endpoint": ("endpoint", _endpoint),
    "protocol": ("protocol", _protocol),
    "headers": ("headers", _headers),
    "rules": ("rules", _rules),
    "packs": ("packs", _packs),
    "spool_dir": ("spool_dir", _path),
    "hash_key_file": ("hash_key", _hash_key),
    "hash_client_address": ("hash_client_address", _truth),
    "hash_identifiers": ("hash_identifiers", _truth),
}
"""Key (a variable without prefix, in lower case) → field of `Settings`, and how it is read."""


def _standard(environ: Mapping[str, str]) -> dict[str, object]:
    """Return what the standard OTLP variables say; that of the logs signal is the stronger one."""

    def value(name: str) -> str | None:
        return (
            environ.get(f"OTEL_EXPORTER_OTLP_LOGS_{name}")
            or environ.get(f"OTEL_EXPORTER_OTLP_{name}")
            or None
        )

    compression = (value("COMPRESSION") or "none").strip().lower()
    return {
        # Not our variable, so not our mistake to report: what we do not know we do not use.
        "compression": compression if compression in {"gzip", "deflate"} else "none",
        "certificate_file": value("CERTIFICATE"),
        "client_key_file": value("CLIENT_KEY"),
        "client_certificate_file": value("CLIENT_CERTIFICATE"),
    }
