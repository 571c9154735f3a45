"""An OAuth 2 server's grants and endpoints, kept in memory; Authlib does the protocol."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, field
from typing import Any

from authlib.oauth2.rfc6749 import AuthorizationCodeMixin, ClientMixin, TokenMixin, grants
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7009 import RevocationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint
from authlib.oauth2.rfc8628 import (
    DeviceAuthorizationEndpoint,
    DeviceCodeGrant,
    DeviceCredentialDict,
)
from werkzeug.security import check_password_hash, generate_password_hash

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
SCOPES = ("openid", "profile")


@dataclass
class User:
    """Somebody."""

    name: str
    password_hash: str


@dataclass
class Client(ClientMixin):  # type: ignore[misc]
    """A program that asks for tokens."""

    client_id: str
    secret: str
    redirect_uri: str
    trusted: bool = False
    grant_types: tuple[str, ...] = (
        "authorization_code",
        "client_credentials",
        "password",
        "refresh_token",
        DEVICE,
    )

    def get_client_id(self) -> str:
        """Return its id."""
        return self.client_id

    def get_default_redirect_uri(self) -> str:
        """Return where browsers go back to."""
        return self.redirect_uri

    def get_allowed_scope(self, scope: str) -> str:
        """Return the part of a scope that it may have."""
        return " ".join(one for one in (scope or "").split() if one in SCOPES)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        """Say whether browsers may be sent there."""
        return redirect_uri == self.redirect_uri

    def check_client_secret(self, client_secret: str) -> bool:
        """Say whether this is its secret."""
        return secrets.compare_digest(client_secret, self.secret)

    def check_endpoint_auth_method(self, method: str, _: str) -> bool:
        """Say how it may authenticate."""
        return method == "client_secret_basic"

    def check_response_type(self, response_type: str) -> bool:
        """Say whether it may ask for this."""
        return response_type == "code"

    def check_grant_type(self, grant_type: str) -> bool:
        """Say whether it may use this grant."""
        return grant_type in self.grant_types


@dataclass
class Code(AuthorizationCodeMixin):  # type: ignore[misc]
    """An authorization code."""

    client_id: str
    redirect_uri: str
    scope: str
    user: User

    def get_redirect_uri(self) -> str:
        """Return where it was sent."""
        return self.redirect_uri

    def get_scope(self) -> str:
        """Return what it allows."""
        return self.scope


@dataclass
class Token(TokenMixin):  # type: ignore[misc]
    """An access token, and its refresh token."""

    access_token: str
    client: Client
    user: User | None
    scope: str
    expires_in: int
    refresh_token: str | None = None
    revoked: bool = False
    issued_at: float = field(default_factory=time.time)

    def check_client(self, client: Client) -> bool:
        """Say whether it is this client's."""
        return client is self.client

    def get_scope(self) -> str:
        """Return what it allows."""
        return self.scope

    def get_expires_in(self) -> int:
        """Return how long it is good."""
        return self.expires_in

    def is_expired(self) -> bool:
        """Say whether it was good for long enough."""
        return self.issued_at + self.expires_in < time.time()

    def is_revoked(self) -> bool:
        """Say whether somebody took it back."""
        return self.revoked

    def get_user(self) -> User | None:
        """Return whose it is."""
        return self.user

    def get_client(self) -> Client:
        """Return who asked for it."""
        return self.client


USERS = {name: User(name, generate_password_hash("correct horse")) for name in ("ada", "brian")}
CLIENTS = {
    client.client_id: client
    for client in (
        Client("shop", "made-up-secret", "https://shop.example.com/callback"),
        Client("own", "made-up-secret", "https://own.example.com/callback", trusted=True),
        Client("narrow", "made-up-secret", "https://narrow.example.com/", grant_types=()),
    )
}
CODES: dict[str, Code] = {}
TOKENS: list[Token] = []
DEVICES: dict[str, DeviceCredentialDict] = {}
DECIDED: dict[str, tuple[User, bool]] = {}


def save_token(token: dict[str, Any], request: Any) -> None:
    """Keep a token."""
    TOKENS.append(
        Token(
            access_token=token["access_token"],
            refresh_token=token.get("refresh_token"),
            client=request.client,
            user=request.user,
            scope=token.get("scope", ""),
            expires_in=token["expires_in"],
        )
    )


def find_token(text: str, hint: str | None = None) -> Token | None:
    """Return the token that is called so."""
    names = ("access_token", "refresh_token")
    for token in TOKENS:
        if any(getattr(token, name) == text for name in names if hint in (None, "", name)):
            return token
    return None


class PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):  # type: ignore[misc]
    """A password for a token."""

    def authenticate_user(self, username: str, password: str) -> User | None:
        """Return whose password it is."""
        user = USERS.get(username)
        return user if user and check_password_hash(user.password_hash, password) else None


class CodeGrant(grants.AuthorizationCodeGrant):  # type: ignore[misc]
    """A code for a token."""

    def save_authorization_code(self, code: str, request: Any) -> None:
        """Keep a code."""
        payload = request.payload
        CODES[code] = Code(
            request.client.client_id, payload.redirect_uri, payload.scope, request.user
        )

    def query_authorization_code(self, code: str, client: Client) -> Code | None:
        """Return a code, if it is this client's."""
        found = CODES.get(code)
        return found if found and found.client_id == client.client_id else None

    def delete_authorization_code(self, authorization_code: Code) -> None:
        """Let a code be used once."""
        for text, code in list(CODES.items()):
            if code is authorization_code:
                del CODES[text]

    def authenticate_user(self, authorization_code: Code) -> User:
        """Return who allowed it."""
        return authorization_code.user


class RefreshGrant(grants.RefreshTokenGrant):  # type: ignore[misc]
    """A refresh token for a token."""

    INCLUDE_NEW_REFRESH_TOKEN = True

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        """Return the token that it belongs to, if it is good."""
        token = find_token(refresh_token, "refresh_token")
        return token if token and not token.revoked else None

    def authenticate_user(self, refresh_token: Token) -> User | None:
        """Return whose it is."""
        return refresh_token.user

    def revoke_old_credential(self, refresh_token: Token) -> None:
        """Let it be used once."""
        refresh_token.revoked = True


class DeviceGrant(DeviceCodeGrant):  # type: ignore[misc]
    """A code that was shown on a device for a token."""

    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012 - its interface

    def query_device_credential(self, device_code: str) -> DeviceCredentialDict | None:
        """Return what was shown."""
        return DEVICES.get(device_code)

    def query_user_grant(self, user_code: str) -> tuple[User, bool] | None:
        """Return what the user said."""
        return DECIDED.get(user_code)

    def should_slow_down(self, _: Any) -> bool:
        """Never be in a hurry."""
        return False


class DeviceEndpoint(DeviceAuthorizationEndpoint):  # type: ignore[misc]
    """Where a device asks for a code to show."""

    CLIENT_AUTH_METHODS = ["client_secret_basic"]  # noqa: RUF012 - its interface

    def get_verification_uri(self) -> str:
        """Return where the user types it in."""
        return "https://id.example.com/device"

    def save_device_credential(self, client_id: str, scope: str, data: dict[str, Any]) -> None:
        """Keep the code."""
        DEVICES[data["device_code"]] = DeviceCredentialDict(
            client_id=client_id, scope=scope, user_code=data["user_code"]
        )


class Introspection(IntrospectionEndpoint):  # type: ignore[misc]
    """Where others ask about a token."""

    def check_permission(self, token: Token, client: Client, _: Any) -> bool:
        """Tell the truth to whose token it is."""
        return token.check_client(client)

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        """Return the token."""
        return find_token(token_string, token_type_hint)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        """Return what there is to say."""
        return {"active": True, "client_id": token.client.client_id, "scope": token.scope}


class Revocation(RevocationEndpoint):  # type: ignore[misc]
    """Where a token is taken back."""

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        """Return the token."""
        return find_token(token_string, token_type_hint)

    def revoke_token(self, token: Token, _: Any) -> None:
        """Take it back."""
        token.revoked = True


class Validator(BearerTokenValidator):  # type: ignore[misc]
    """Says whether a token opens the door."""

    def authenticate_token(self, token_string: str) -> Token | None:
        """Return the token."""
        return find_token(token_string, "access_token")
