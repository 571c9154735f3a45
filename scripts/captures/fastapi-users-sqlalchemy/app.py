"""fastapi-users with every router it has, JWT and cookie, an OpenID provider, and SQLite."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI
from fastapi_users import (
    BaseUserManager,
    FastAPIUsers,
    InvalidPasswordException,
    UUIDIDMixin,
    schemas,
)
from fastapi_users.authentication import (
    AuthenticationBackend,
    BearerTransport,
    CookieTransport,
    JWTStrategy,
)
from fastapi_users.authentication.strategy.db import AccessTokenDatabase, DatabaseStrategy
from fastapi_users.db import SQLAlchemyBaseOAuthAccountTableUUID, SQLAlchemyUserDatabase
from fastapi_users_db_sqlalchemy import SQLAlchemyBaseUserTableUUID
from fastapi_users_db_sqlalchemy.access_token import (
    SQLAlchemyAccessTokenDatabase,
    SQLAlchemyBaseAccessTokenTableUUID,
)
from httpx_oauth.clients.openid import OpenID
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, relationship

DATA_DIR = Path(os.environ["DATA_DIR"])
SECRET = "made-up-and-only-for-captures"
engine = create_async_engine(f"sqlite+aiosqlite:///{DATA_DIR / 'db.sqlite3'}")
sessions = async_sessionmaker(engine, expire_on_commit=False)


class Base(DeclarativeBase):
    """The tables."""


class OAuthAccount(SQLAlchemyBaseOAuthAccountTableUUID, Base):
    """An account at the provider."""


class AccessToken(SQLAlchemyBaseAccessTokenTableUUID, Base):
    """A session of a cookie."""


class User(SQLAlchemyBaseUserTableUUID, Base):
    """A user."""

    oauth_accounts: Mapped[list[OAuthAccount]] = relationship("OAuthAccount", lazy="joined")


class UserRead(schemas.BaseUser[uuid.UUID]):
    """What is told of a user."""


class UserCreate(schemas.BaseUserCreate):
    """What makes a user."""


class UserUpdate(schemas.BaseUserUpdate):
    """What changes a user."""


class UserManager(UUIDIDMixin, BaseUserManager[User, uuid.UUID]):
    """Writes mails into files instead of sending them."""

    reset_password_token_secret = SECRET
    verification_token_secret = SECRET

    async def validate_password(self, password: str, user: Any) -> None:  # noqa: ARG002 - its interface
        """Refuse what is too short."""
        if len(password) < 8:
            raise InvalidPasswordException(reason="too short")

    async def on_after_forgot_password(self, user: User, token: str, _: Any = None) -> None:
        """Send the reset token."""
        (DATA_DIR / f"reset-{user.email}").write_text(token)

    async def on_after_request_verify(self, user: User, token: str, _: Any = None) -> None:
        """Send the verification token."""
        (DATA_DIR / f"verify-{user.email}").write_text(token)


async def session() -> AsyncIterator[AsyncSession]:
    """Open a database session."""
    async with sessions() as opened:
        yield opened


Session = Annotated[AsyncSession, Depends(session)]


async def user_database(opened: Session) -> AsyncIterator[Any]:
    """Return the users."""
    yield SQLAlchemyUserDatabase(opened, User, OAuthAccount)


async def token_database(opened: Session) -> AsyncIterator[Any]:
    """Return the cookies' sessions."""
    yield SQLAlchemyAccessTokenDatabase(opened, AccessToken)


async def manager(users: Annotated[Any, Depends(user_database)]) -> AsyncIterator[UserManager]:
    """Return who manages the users."""
    yield UserManager(users)


def jwt_strategy() -> JWTStrategy[User, uuid.UUID]:
    """Return how JWTs are made."""
    return JWTStrategy(secret=SECRET, lifetime_seconds=3600)


def database_strategy(
    tokens: Annotated[AccessTokenDatabase[AccessToken], Depends(token_database)],
) -> DatabaseStrategy[User, uuid.UUID, AccessToken]:
    """Return how cookies' sessions are kept."""
    return DatabaseStrategy(tokens, lifetime_seconds=3600)


jwt = AuthenticationBackend("jwt", BearerTransport("auth/jwt/login"), jwt_strategy)
cookie = AuthenticationBackend("cookie", CookieTransport(cookie_secure=False), database_strategy)
users = FastAPIUsers[User, uuid.UUID](manager, [jwt, cookie])
provider = OpenID(
    "made-up-client",
    "made-up-secret",
    os.environ["OIDC_URL"] + "/.well-known/openid-configuration",
    name="local",
)


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Make the tables."""
    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    yield


app = FastAPI(lifespan=lifespan)
verified = users.get_auth_router(cookie, requires_verification=True)
app.include_router(users.get_auth_router(jwt), prefix="/auth/jwt")
app.include_router(verified, prefix="/auth/cookie")
app.include_router(users.get_register_router(UserRead, UserCreate), prefix="/auth")
app.include_router(users.get_reset_password_router(), prefix="/auth")
app.include_router(users.get_verify_router(UserRead), prefix="/auth")
app.include_router(users.get_users_router(UserRead, UserUpdate), prefix="/users")
plain = {"csrf_token_cookie_secure": False}  # There is no TLS on the loopback.
app.include_router(users.get_oauth_router(provider, jwt, SECRET, **plain), prefix="/auth/local")
app.include_router(
    users.get_oauth_associate_router(provider, UserRead, SECRET, **plain),
    prefix="/auth/associate/local",
)


@app.get("/about")
async def about() -> dict[str, str]:
    """Have nothing to do with auth."""
    return {"about": "us"}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]))
