"""The settings of the application part: where they come from, and every mistake at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_eventlog import environment_variables
from otel_eventlog.delivery.grpc_sender import GrpcSender
from otel_eventlog.delivery.http_sender import HttpSender
from otel_eventlog.errors import RuleError, SettingsError
from otel_eventlog.settings import Settings, build_mapper, build_sender
from tests.support.builders import span_data


def mistakes(environ: dict[str, str]) -> tuple[str, ...]:
    """Return what is wrong with an environment."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environ)
    return caught.value.mistakes


def test_nothing_set_means_our_collector_on_this_machine() -> None:
    """An empty environment is no mistake: HTTP to localhost:4328, no spool, no key."""
    settings = Settings.from_env({"OTEL_EVENTLOG_ENDPOINT": ""})
    assert settings == Settings()
    assert settings.base_url == "http://localhost:4328"
    assert isinstance(build_sender(settings), HttpSender)


def test_grpc_goes_to_its_own_port() -> None:
    """With the protocol set to gRPC the default is the gRPC port."""
    settings = Settings.from_env({"OTEL_EVENTLOG_PROTOCOL": "grpc"})
    assert settings.base_url == "http://localhost:4327"
    assert isinstance(build_sender(settings), GrpcSender)


def test_every_variable_is_read(tmp_path: Path) -> None:
    """Each variable of the specification ends in its field."""
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef\n")
    settings = Settings.from_env(
        {
            "OTEL_EVENTLOG_ENDPOINT": "https://events.example:4328/base/",
            "OTEL_EVENTLOG_PROTOCOL": "http/protobuf",
            "OTEL_EVENTLOG_HEADERS": "Authorization=Bearer%20abc%3D, X-A=b,",
            "OTEL_EVENTLOG_RULES": "a.toml:/b/c.toml",
            "OTEL_EVENTLOG_PACKS": "stytch, auth0",
            "OTEL_EVENTLOG_SPOOL_DIR": "/var/spool/x",
            "OTEL_EVENTLOG_HASH_KEY_FILE": str(key),
            "OTEL_EVENTLOG_HASH_CLIENT_ADDRESS": "true",
            "OTEL_EVENTLOG_HASH_IDENTIFIERS": "no",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": "/ca.pem",
            "OTEL_EXPORTER_OTLP_LOGS_CERTIFICATE": "/logs-ca.pem",
            "OTEL_EXPORTER_OTLP_CLIENT_KEY": "/key.pem",
            "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": "/cert.pem",
        }
    )
    assert settings == Settings(
        endpoint="https://events.example:4328/base",
        headers=(("authorization", "Bearer abc="), ("x-a", "b")),
        rules=(Path("a.toml"), Path("/b/c.toml")),
        packs=("stytch", "auth0"),
        spool_dir=Path("/var/spool/x"),
        hash_key=b"0123456789abcdef0123456789abcdef",
        hash_client_address=True,
        compression="gzip",
        certificate_file="/logs-ca.pem",
        client_key_file="/key.pem",
        client_certificate_file="/cert.pem",
    )
    transport = settings.transport()
    assert transport.base_url == settings.endpoint
    assert transport.headers == settings.headers
    assert transport.certificate_file == "/logs-ca.pem"


def test_arguments_outrank_variables_outrank_the_file(tmp_path: Path) -> None:
    """The stronger source wins, key by key; paths in the file are relative to it."""
    file = tmp_path / "eventlog.toml"
    file.write_text(
        'endpoint = "http://file:1"\n'
        'packs = ["from-file"]\n'
        'rules = ["mine.toml"]\n'
        'spool_dir = "spool"\n'
        'headers = { X-From = "file" }\n'
        "hash_identifiers = true\n"
    )
    environ = {
        "OTEL_EVENTLOG_CONFIG": str(file),
        "OTEL_EVENTLOG_ENDPOINT": "http://variable:1",
        "OTEL_EVENTLOG_PACKS": "from-variable",
    }
    settings = Settings.from_env(environ, endpoint="http://argument:1", spool_dir=tmp_path)
    assert settings == Settings(
        endpoint="http://argument:1",
        packs=("from-variable",),
        rules=(tmp_path / "mine.toml",),
        spool_dir=tmp_path,
        headers=(("x-from", "file"),),
        hash_identifiers=True,
    )


def test_arguments_may_be_one_or_several() -> None:
    """`install(rules=…, packs=…)` takes one path or name, or a list of them."""
    one = Settings.from_env({}, rules="a.toml", packs="stytch")
    assert (one.rules, one.packs) == ((Path("a.toml"),), ("stytch",))
    several = Settings.from_env({}, rules=[Path("a.toml"), "b.toml"], packs=["x", "y"])
    assert (several.rules, several.packs) == ((Path("a.toml"), Path("b.toml")), ("x", "y"))


def test_every_mistake_is_listed(tmp_path: Path) -> None:
    """All mistakes of all sources come in one error, each with where, what and how to mend."""
    file = tmp_path / "eventlog.toml"
    file.write_text('endpiont = "http://file:1"\nprotocol = 7\n')
    found = mistakes(
        {
            "OTEL_EVENTLOG_CONFIG": str(file),
            "OTEL_EVENTLOG_ENDPOINT": "localhost:4328",
            "OTEL_EVENTLOG_HASH_KEY_FILE": str(tmp_path / "gone"),
            "OTEL_EVENTLOG_HASH_CLIENT_ADDRESS": "maybe",
        }
    )
    assert len(found) == 5
    text = "\n".join(found)
    assert "unknown key 'endpiont'; did you mean 'endpoint'?" in text
    assert f"{file}: protocol: 7 is not text" in text
    assert "OTEL_EVENTLOG_ENDPOINT: 'localhost:4328' does not begin with 'http://'" in text
    assert "OTEL_EVENTLOG_HASH_KEY_FILE: " in text
    assert "'maybe' is neither 'true' nor 'false'" in text


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("ftp://x", "does not begin with 'http://'"),
        ("http://", "does not begin with 'http://'"),
        ("http://x:99999", "is not a URL"),
        ("http://x:0", "does not begin"),
        ("http://x/?token=1", "query"),
        ("http://x/v1/logs", "which is appended"),
    ],
)
def test_wrong_endpoints(value: str, said: str) -> None:
    """What cannot be a base URL is refused with an example of one that can."""
    (mistake,) = mistakes({"OTEL_EVENTLOG_ENDPOINT": value})
    assert said in mistake


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    """Neither a representation nor a mistake quotes a header's value, a password or the key."""
    key = tmp_path / "key"
    key.write_text("s3cret-s3cret-s3cret")
    settings = Settings.from_env(
        {
            "OTEL_EVENTLOG_HEADERS": "authorization=s3cret",
            "OTEL_EVENTLOG_HASH_KEY_FILE": str(key),
        }
    )
    assert settings.hash_key == b"s3cret-s3cret-s3cret"
    assert "s3cret" not in repr(settings) + repr(settings.transport())
    for environ in (
        {"OTEL_EVENTLOG_ENDPOINT": "http://me:s3cret@host"},
        {"OTEL_EVENTLOG_HEADERS": "s3cret"},
        {"OTEL_EVENTLOG_HEADERS": "authorization=s3cret%0D%0Ax: y"},
    ):
        assert "s3cret" not in "\n".join(mistakes(environ))


def test_the_key_may_come_as_a_variable_and_a_file_outranks_it(tmp_path: Path) -> None:
    """The first line of a key file hashes; a variable stands in where there is no file."""
    key = tmp_path / "key"
    key.write_text("new-new-new-new-new\nold-old-old-old-old\n")
    environ = {"OTEL_EVENTLOG_HASH_KEY": "variable-variable"}
    assert Settings.from_env(environ).hash_key == b"variable-variable"
    environ["OTEL_EVENTLOG_HASH_KEY_FILE"] = str(key)
    assert Settings.from_env(environ).hash_key == b"new-new-new-new-new"
    (mistake,) = mistakes({"OTEL_EVENTLOG_HASH_KEY": "tiny"})
    assert mistake.startswith("OTEL_EVENTLOG_HASH_KEY: holds 4 bytes")
    assert "tiny" not in mistake


def test_a_short_key_is_refused(tmp_path: Path) -> None:
    """A key that can be guessed is no key; the mistake says how to make one."""
    key = tmp_path / "key"
    key.write_text("tiny\n")
    (mistake,) = mistakes({"OTEL_EVENTLOG_HASH_KEY_FILE": str(key)})
    assert "openssl rand" in mistake
    assert "tiny" not in mistake


def test_config_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A missing file and one that is not TOML are named."""
    (mistake,) = mistakes({"OTEL_EVENTLOG_CONFIG": str(tmp_path / "gone.toml")})
    assert "gone.toml" in mistake
    broken = tmp_path / "broken.toml"
    broken.write_text("endpoint = \n")
    (mistake,) = mistakes({"OTEL_EVENTLOG_CONFIG": str(broken)})
    assert "is not TOML" in mistake


def test_the_mapper_has_the_configured_rules_and_privacy(tmp_path: Path) -> None:
    """Rules from files come before the default ones; hashing uses the key."""
    rules = tmp_path / "rules.toml"
    rules.write_text(
        '[[rule]]\nname = "mine"\naction = "MineAuthenticate"\nmethod = "POST"\nroute = "/login"\n'
    )
    key = tmp_path / "key"
    key.write_text("0123456789abcdef0123456789abcdef")
    settings = Settings.from_env(
        {"OTEL_EVENTLOG_HASH_KEY_FILE": str(key), "OTEL_EVENTLOG_HASH_CLIENT_ADDRESS": "true"},
        rules=rules,
    )
    start, _ = build_mapper(settings).map_span(span_data())
    assert start.action == "MineAuthenticate"
    assert start.client_address not in {None, "192.0.2.7"}
    with pytest.raises(RuleError):
        build_mapper(Settings.from_env({}, packs="no-such-pack"))


def test_variable_names_are_their_own_values() -> None:
    """`opentelemetry-instrument` makes an option of every name and sets its value."""
    names = [name for name in dir(environment_variables) if name.startswith("OTEL_")]
    assert "OTEL_EVENTLOG_ENDPOINT" in names
    for name in names:
        assert getattr(environment_variables, name) == name
