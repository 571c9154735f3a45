"""The accounts that the demo's apps stand on."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_eventlog_collector.demo.apps.accounts import CODE_TRIES_MAX, Accounts, Refused


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    """Return accounts in a new database."""
    return Accounts(tmp_path / "accounts.sqlite")


def test_only_the_right_password_lets_in(accounts: Accounts) -> None:
    """A user gets in with the right password; a wrong one and a stranger are told apart."""
    user = accounts.register("ada@example.com", "right")
    assert accounts.check_password("ada@example.com", "right") == user
    with pytest.raises(Refused) as wrong:
        accounts.check_password("ada@example.com", "wrong")
    assert (wrong.value.reason, wrong.value.user_id) == ("invalid_credentials", user.id)
    with pytest.raises(Refused) as stranger:
        accounts.check_password("ben@example.com", "right")
    assert (stranger.value.reason, stranger.value.user_id) == ("user_not_found", None)


def test_an_address_has_one_account(accounts: Accounts) -> None:
    """Registering the same e-mail address twice is refused."""
    accounts.register("ada@example.com", "one")
    with pytest.raises(Refused, match="already_exists"):
        accounts.register("ada@example.com", "two")


def test_a_session_ends_with_the_logout(accounts: Accounts) -> None:
    """A session's token names its user until it is closed, then nobody."""
    user = accounts.register("ada@example.com", "right")
    token = accounts.open_session(user)
    assert accounts.check_session(token) == user
    assert accounts.close_session(token) == user
    with pytest.raises(Refused, match="session_not_found"):
        accounts.check_session(token)


def test_a_magic_link_lets_in_once_and_in_time(accounts: Accounts) -> None:
    """A link works once; a second time, too late or made up it is refused for that reason."""
    user = accounts.find_or_create("ada@example.com")
    link = accounts.new_link(user)
    assert accounts.use_link(link) == user
    with pytest.raises(Refused, match="already_used"):
        accounts.use_link(link)
    with pytest.raises(Refused, match="expired"):
        accounts.use_link(accounts.new_link(user, lifetime_s=-1))
    with pytest.raises(Refused, match="invalid_token"):
        accounts.use_link("guessed")


def test_guessing_codes_locks_even_the_right_one_out(accounts: Accounts) -> None:
    """After as many wrong codes as are allowed, the right one is refused as well."""
    user = accounts.find_or_create("ada@example.com")
    method_id, code = accounts.new_code(user)
    for _ in range(CODE_TRIES_MAX):
        with pytest.raises(Refused, match="invalid_code"):
            accounts.use_code(method_id, "wrong")
    with pytest.raises(Refused, match="rate_limited"):
        accounts.use_code(method_id, code)


def test_a_code_lets_in_once(accounts: Accounts) -> None:
    """The right code lets its user in, and not a second time."""
    user = accounts.find_or_create("ada@example.com")
    method_id, code = accounts.new_code(user)
    assert accounts.use_code(method_id, code) == user
    with pytest.raises(Refused, match="invalid_code"):
        accounts.use_code(method_id, code)


def test_no_secret_is_in_the_database(accounts: Accounts, tmp_path: Path) -> None:
    """Neither password nor tokens can be read in the database file."""
    user = accounts.register("ada@example.com", "a-secret-password")
    secrets = ["a-secret-password", accounts.open_session(user), accounts.new_link(user)]
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert user.id.encode() in stored
    assert [secret for secret in secrets if secret.encode() in stored] == []
