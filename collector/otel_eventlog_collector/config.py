"""The configuration of `otel-eventlog serve`: options, environment, TOML file, defaults.

Every option `--some-name` is also the key `some_name` of the file given with `--config` and the
environment variable `OTEL_EVENTLOG_COLLECTOR_SOME_NAME`. The first that says something wins:
option, environment, file, default. All mistakes are told at once, each with its origin.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from otel_eventlog.errors import RuleError
from otel_eventlog.rulefile import load_rule_file, pack_names
from otel_eventlog_collector import defaults
from otel_eventlog_collector.defaults import CLIENT_VARIABLES, CONFIG_VARIABLE, ENV_PREFIX
from otel_eventlog_collector.errors import ConfigError
from otel_eventlog_collector.hash_keys import hash_keys
from otel_eventlog_collector.query_parse import did_you_mean
from otel_eventlog_collector.query_parse.times import parse_duration_ns
from otel_eventlog_collector.tls import TlsFiles, tls_files
from otel_eventlog_collector.tokens import Scope, has_scope, read_tokens

RETENTION_NS_MAX = parse_duration_ns("3660d")
SIZE_BYTES_MIN = 1_000_000
_PORT_MAX = 65_535


@dataclass(frozen=True, slots=True)
class Address:
    """Where a listener listens. Port 0 picks a free one."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        if self.host == "localhost":
            return True
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time."""

    ns: int


@dataclass(frozen=True, slots=True)
class Size:
    """A size on disk."""

    bytes: int


_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,3})?)\s*([kmgt]?)(i?)b?", re.ASCII)
_SIZE_POWER = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def parse_address(value: object) -> Address:
    """Return a listener's address from `HOST:PORT`, `[::1]:PORT` or `:PORT` (127.0.0.1)."""
    if isinstance(value, Address):
        return value
    text = str(value).strip()
    host, colon, port = text.rpartition(":")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > _PORT_MAX:
        raise ValueError(
            f"{text!r} is no HOST:PORT; write it as 127.0.0.1:4328 (port 0: a free one)"
        )
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare and bare == host:
        raise ValueError(f"{text!r}: put an IPv6 address in brackets, as in [::1]:4328")
    if not re.fullmatch(r"[A-Za-z0-9._:%-]*", bare):
        raise ValueError(f"{text!r} is no HOST:PORT; leave out http:// and paths")
    return Address(bare or "127.0.0.1", int(port))


def parse_duration(value: object) -> Duration:
    """Return a duration from text such as `30d`."""
    if isinstance(value, Duration):
        return value
    duration = Duration(parse_duration_ns(str(value)))
    if not 0 < duration.ns <= RETENTION_NS_MAX:
        raise ValueError(f"{value!r} is out of range; write more than 0 and at most 3660d")
    return duration


def parse_size(value: object) -> Size | None:
    """Return a size from text such as `20GB` (powers of 1000) or `20GiB` (powers of 1024)."""
    if value is None or isinstance(value, Size):
        return value
    match = _SIZE.fullmatch(str(value).strip().lower())
    if not match:
        raise ValueError(f"{value!r} is no size; write a number and a unit, as in 20GB or 500MB")
    number, power, binary = match.groups()
    size = int(float(number) * (1024 if binary else 1000) ** _SIZE_POWER[power])
    if size < SIZE_BYTES_MIN:
        raise ValueError(f"{value!r} is too small; write at least 1MB")
    return Size(size)


def _paths(value: object) -> object:
    """Split what an environment variable says: paths are separated as in PATH."""
    return [part for part in value.split(os.pathsep) if part] if isinstance(value, str) else value


def _names(value: object) -> object:
    """Split what an environment variable says: names are separated by commas."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",") if part.strip()]
    return value


def _check_rule_files(paths: tuple[Path, ...]) -> tuple[Path, ...]:
    mistakes: list[str] = []
    for path in paths:
        try:
            load_rule_file(path)
        except RuleError as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise PydanticCustomError("rules", "{text}", {"text": "\n".join(mistakes)})
    return paths


def _check_packs(names: tuple[str, ...]) -> tuple[str, ...]:
    known = pack_names()
    for name in names:
        if name not in known:
            raise ValueError(f"{name!r} is no pack; {did_you_mean(name, known)}")
    return names


def _check_trace_url(text: str) -> str:
    if text and not (text.startswith(("http://", "https://")) and "{trace_id}" in text):
        raise ValueError(
            f"{text!r} is no template of a trace's address; write http(s)://… with "
            "{trace_id} in it, or nothing at all for no links"
        )
    return text


def _check_url(text: str | None) -> str | None:
    if text is None:
        return None
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError(f"{text!r} is no address; write it as http://localhost:4318")
    return text


def _check_key_file(path: Path | None) -> Path | None:
    if path is not None:
        hash_keys(path)
    return path


def _check_token_file(path: Path | None) -> Path | None:
    if path is not None:
        try:
            read_tokens(path)
        except ConfigError as error:
            raise ValueError(f"{error.message}; {error.hint}") from None
    return path


Listener = Annotated[Address, BeforeValidator(parse_address)]
Time = Annotated[Duration, BeforeValidator(parse_duration)]


class Settings(BaseSettings):
    """What a collector is told. Each field is an option, a key and an environment variable."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_ignore_empty=True,
        enable_decoding=False,  # values are written as for options, not as JSON
        extra="forbid",
        frozen=True,
        arbitrary_types_allowed=True,
    )

    data: Path = Field(default_factory=defaults.data_directory)
    store: str | None = None
    otlp_http: Listener = Address("127.0.0.1", 4328)
    otlp_grpc: Listener = Address("127.0.0.1", 4327)
    http: Listener = Address("127.0.0.1", 4329)
    rules: Annotated[
        tuple[Path, ...], BeforeValidator(_paths), AfterValidator(_check_rule_files)
    ] = ()
    pack: Annotated[tuple[str, ...], BeforeValidator(_names), AfterValidator(_check_packs)] = ()
    no_default_packs: bool = False
    retention: Time = Duration(parse_duration_ns(defaults.RETENTION))
    max_size: Annotated[Size | None, BeforeValidator(parse_size)] = None
    no_outcome_after: Time = Duration(parse_duration_ns(defaults.NO_OUTCOME_AFTER))
    trace_url: Annotated[str, AfterValidator(_check_trace_url)] = defaults.TRACE_URL
    forward_traces_to: Annotated[str | None, AfterValidator(_check_url)] = None
    hash_key_file: Annotated[Path | None, AfterValidator(_check_key_file)] = None
    hash_client_address: bool = False
    hash_identifiers: bool = False
    token_file: Annotated[Path | None, AfterValidator(_check_token_file)] = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    allowed_host: Annotated[tuple[str, ...], BeforeValidator(_names)] = ()
    log_format: Literal["text", "json"] = "text"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the names are pydantic's
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load_settings` merged, since only that knows where each value came from."""
        return (init_settings,)

    @model_validator(mode="after")
    def _hashes_need_a_key(self) -> Settings:
        """Refuse to leave out what should be hashed, which nobody would notice."""
        keys = hash_keys(self.hash_key_file)
        for name in ("hash_client_address", "hash_identifiers"):
            if getattr(self, name) and not keys:
                raise ValueError(
                    f"--{name.replace('_', '-')}: hashes need a key; give --hash-key-file FILE"
                )
        return self

    @model_validator(mode="after")
    def _certificates_are_good(self) -> Settings:
        """Refuse certificates with which nobody could connect."""
        if self.tls_files is not None:
            self.tls_files.check()
        return self

    @property
    def tls_files(self) -> TlsFiles | None:
        """The certificates of the listeners, None without TLS."""
        return tls_files(self.tls_cert, self.tls_key, self.tls_client_ca)

    @model_validator(mode="after")
    def _open_needs_tokens(self) -> Settings:
        """Refuse to let anybody but this machine in without tokens."""
        tokens = read_tokens(self.token_file) if self.token_file else ()
        for name, address, scope in (
            ("otlp-http", self.otlp_http, Scope.INGEST),
            ("otlp-grpc", self.otlp_grpc, Scope.INGEST),
            ("http", self.http, Scope.READ),
        ):
            if not address.is_loopback and not has_scope(tokens, scope):
                raise ValueError(
                    f"--{name} {address}: other machines could reach it, and no token of scope "
                    f"{scope} is set; make one with `otel-eventlog token create --scope {scope} "
                    "--token-file FILE` and give --token-file FILE, or listen on 127.0.0.1"
                )
        return self


PATH_FIELDS = frozenset(
    ("data", "rules", "hash_key_file", "token_file", "tls_cert", "tls_key", "tls_client_ca")
)


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value came from, for messages."""

    name: str
    value: Any


def load_settings(
    options: Mapping[str, object], config_file: Path | None = None
) -> tuple[Settings, tuple[str, ...]]:
    """Return the settings, and warnings about variables that look like ours and are not.

    Args:
        options: values of command-line options that were given, by field name.
        config_file: the file of `--config`; the environment variable counts when it is None.

    Raises:
        ConfigError: something is wrong; `.mistakes` has every mistake.

    """
    mistakes: list[str] = []
    named = os.environ.get(CONFIG_VARIABLE)
    path = config_file or (Path(named) if named else None)
    found = _file_values(path, mistakes) if path else {}
    for key, value in EnvSettingsSource(Settings)().items():
        found[key] = Source(ENV_PREFIX + key.upper(), value)
    for key, value in options.items():
        found[key] = Source("--" + key.replace("_", "-"), value)
    settings = _validate(found, mistakes)
    if mistakes or settings is None:
        raise ConfigError.of(mistakes)
    return settings, tuple(_unknown_variables())


def _validate(found: dict[str, Source], mistakes: list[str]) -> Settings | None:
    """Validate; then again without what was wrong, to see what is wrong beside it."""
    values = dict(found)
    while True:
        try:
            settings = Settings(**{key: source.value for key, source in values.items()})
        except ValidationError as error:
            wrong = set()
            for problem in error.errors():
                key = str(problem["loc"][0]) if problem["loc"] else ""
                text = problem["msg"].removeprefix("Value error, ")
                wrong.add(key)
                mistakes.append(_told(key, text, values))
            if not wrong & values.keys():
                return None
            values = {key: source for key, source in values.items() if key not in wrong}
        else:
            return settings


def _told(key: str, text: str, values: Mapping[str, Source]) -> str:
    """Put the origin before a mistake; rule files and listeners name themselves."""
    if not key or key == "rules":
        return text
    return f"{values[key].name}: {text}" if key in values else text


def _file_values(path: Path, mistakes: list[str]) -> dict[str, Source]:
    try:
        text = path.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        mistakes.append(f"{path}: cannot be read: {error.strerror}")
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        mistakes.append(f"{path}: is no TOML: {error}")
        return {}
    found: dict[str, Source] = {}
    for key, value in content.items():
        name = key.replace("-", "_")
        origin = f"{path}:{_line_of(text, key)}: {key}"
        if name not in Settings.model_fields:
            hint = did_you_mean(name, tuple(Settings.model_fields))
            mistakes.append(f"{origin}: is no key; {hint}")
        else:
            found[name] = Source(origin, _beside(path.parent, name, value))
    return found


def _beside(folder: Path, name: str, value: Any) -> Any:
    """Let relative paths in a file mean: beside that file."""
    if name not in PATH_FIELDS:
        return value
    if isinstance(value, list):
        return [str(folder / part) if isinstance(part, str) else part for part in value]
    return str(folder / value) if isinstance(value, str) else value


def _line_of(text: str, key: str) -> int:
    pattern = re.compile(rf"\s*[\"']?{re.escape(key)}[\"']?\s*=|\s*\[+\s*{re.escape(key)}\b")
    for number, line in enumerate(text.splitlines(), 1):
        if pattern.match(line):
            return number
    return 1


def _unknown_variables() -> Iterator[str]:
    """Warn about misspelt variables only: Kubernetes makes some with our prefix of its own."""
    known = {ENV_PREFIX + key.upper() for key in Settings.model_fields} | CLIENT_VARIABLES
    for name in sorted(os.environ):
        made_by_kubernetes = re.search(r"_(PORT|SERVICE_HOST|SERVICE_PORT)(_|$)", name)
        if name.startswith(ENV_PREFIX) and name not in known and not made_by_kubernetes:
            keys = tuple(Settings.model_fields)
            hint = did_you_mean(name.removeprefix(ENV_PREFIX).lower(), keys)
            yield f"{name}: is no setting of the collector and was ignored; {hint}"
