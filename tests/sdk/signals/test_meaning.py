"""What a user object says of its id, and which signals count for which action."""

from __future__ import annotations

from typing import Any

import flask_login
import pytest
import sqlalchemy
from sqlalchemy import orm
from werkzeug.local import LocalProxy

from otel_eventlog.actions import catalogue
from otel_eventlog.signals.meaning import is_log_in, user_id_of


class Base(orm.DeclarativeBase):
    """The tables of this module."""


class Row(Base):
    """A user in a database, with a stand-in for its id in sessions."""

    __tablename__ = "rows"
    id: orm.Mapped[int] = orm.mapped_column(primary_key=True)
    email: orm.Mapped[str]

    def get_id(self) -> str:
        """Return what sessions hold."""
        return f"session-token-of-{self.email}"


def user(**attributes: Any) -> Any:
    """Return a user object with these attributes."""
    made = type("User", (), {})()
    vars(made).update(attributes)
    return made


@pytest.mark.parametrize(
    ("given", "user_id"),
    [
        (None, None),
        (user(get_id=lambda: "from get_id"), "from get_id"),
        (user(id=7, email="ada@example.com"), "7"),
        (user(id=0), "0"),
        (user(pk="p-1"), "p-1"),
        (user(username="ada", email="ada@example.com"), None),
        (user(fs_uniquifier="not to leave", get_id=lambda: "not to leave"), None),
        (LocalProxy(lambda: user(id=8)), "8"),
        (flask_login.AnonymousUserMixin(), None),
    ],
)
def test_the_id_of_a_user_object(given: Any, user_id: str | None) -> None:
    """Its own id, else what stands for it in sessions; never a name or an address."""
    assert user_id_of(given) == user_id


def test_a_database_is_not_asked() -> None:
    """What a commit has expired would be fetched again: the key is known without that."""
    engine = sqlalchemy.create_engine("sqlite://")
    Base.metadata.create_all(engine)
    asked: list[str] = []
    with orm.Session(engine) as session:
        row = Row(email="ada@example.com")
        session.add(row)
        assert user_id_of(row) is None
        session.commit()
        sqlalchemy.event.listen(
            engine, "before_cursor_execute", lambda *args: asked.append(args[2])
        )
        assert user_id_of(row) == "1"
        assert asked == []
        assert row.email
        assert len(asked) == 1
    engine.dispose()


def test_log_ins_of_the_catalogue() -> None:
    """Attempts of people to prove who they are; no check of a session, no machine."""
    found = {action for action in catalogue() if is_log_in(action)}
    assert {"PasswordsAuthenticate", "MagicLinksAuthenticate", "TOTPsRecover"} <= found
    assert not found & {"SessionsAuthenticate", "MultiTenantSessionsAuthenticate", "CreateUser"}
    assert not is_log_in("SomethingOfTheirOwn")
