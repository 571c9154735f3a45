"""A small authorization server made with Authlib, and a small client of another provider."""

from __future__ import annotations

import os
from typing import Any

import grants
from authlib.integrations.base_client import OAuthError
from authlib.integrations.flask_client import OAuth
from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector, current_token
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import grants as standard
from flask import Flask, Response, jsonify, redirect, request, session
from joserfc.jwk import ECKey, KeySet
from werkzeug.security import check_password_hash

app = Flask(__name__)
app.secret_key = "made-up-and-only-for-captures"
app.config["OAUTH2_REFRESH_TOKEN_GENERATOR"] = True
app.config["OAUTH2_SCOPES_SUPPORTED"] = [*grants.SCOPES, "admin"]

server = AuthorizationServer(app, grants.CLIENTS.get, grants.save_token)
for grant in (
    grants.CodeGrant,
    grants.DeviceGrant,
    grants.PasswordGrant,
    grants.RefreshGrant,
    standard.ClientCredentialsGrant,
):
    server.register_grant(grant)
for endpoint in (grants.DeviceEndpoint, grants.Introspection, grants.Revocation):
    server.register_endpoint(endpoint)
protected = ResourceProtector()
protected.register_token_validator(grants.Validator())
keys = KeySet([ECKey.generate_key("P-256")])

oauth = OAuth(app)
oauth.register(
    "provider",
    client_id="made-up-client",
    client_secret="made-up-secret",
    server_metadata_url=os.environ["OIDC_URL"] + "/.well-known/openid-configuration",
    client_kwargs={"scope": "email", "token_endpoint_auth_method": "client_secret_post"},
)


def user() -> grants.User | None:
    """Return who is signed in."""
    return grants.USERS.get(session.get("user", ""))


@app.get("/")
def home() -> Any:
    """Say who is signed in."""
    return jsonify(user=session.get("user"))


@app.route("/signin", methods=["GET", "POST"])
def signin() -> Any:
    """Sign in with a password."""
    if request.method == "POST":
        found = grants.USERS.get(request.form.get("name", ""))
        if found and check_password_hash(found.password_hash, request.form.get("password", "")):
            session["user"] = found.name
            return redirect(request.args.get("next", "/"))
    return "<form method=post></form>"


@app.route("/oauth/authorize", methods=["GET", "POST"])
def authorize() -> Any:
    """Let a client act for who is signed in, after asking."""
    somebody = user()
    if somebody is None:
        return redirect("/signin?next=/oauth/authorize")
    try:
        grant = server.get_consent_grant(end_user=somebody)
    except OAuth2Error as error:
        return server.handle_error_response(None, error)
    if request.method == "GET" and not grant.client.trusted:
        return "<form method=post>May it?</form>"
    allowed = request.method == "GET" or request.form.get("answer") == "yes"
    return server.create_authorization_response(
        grant=grant, grant_user=somebody if allowed else None
    )


@app.post("/oauth/token")
def token() -> Any:
    """Give tokens."""
    return server.create_token_response()


@app.post("/oauth/introspect")
def introspect() -> Any:
    """Tell about tokens."""
    return server.create_endpoint_response("introspection")


@app.post("/oauth/revoke")
def revoke() -> Any:
    """Take tokens back."""
    return server.create_endpoint_response("revocation")


@app.post("/oauth/device_authorization")
def device() -> Any:
    """Give a code to show."""
    return server.create_endpoint_response("device_authorization")


@app.post("/device")
def decide() -> Any:
    """Let who is signed in say yes or no to a device."""
    somebody = user()
    if somebody is None:
        return redirect("/signin")
    grants.DECIDED[request.form["user_code"]] = somebody, request.form.get("answer") == "yes"
    return "Thank you"


@app.route("/oauth/userinfo", methods=["GET", "POST"])
@protected("profile")
def userinfo() -> Any:
    """Tell a client who it acts for."""
    return jsonify(sub=current_token.user.name if current_token.user else None)


@app.get("/oauth/logout")
def logout() -> Any:
    """Sign out, and go back."""
    session.pop("user", None)
    return redirect("https://shop.example.com/bye")


@app.get("/.well-known/jwks.json")
def jwks() -> Any:
    """Tell the public keys."""
    return jsonify(keys.as_dict(private=False))


@app.get("/.well-known/openid-configuration")
def configuration() -> Any:
    """Tell where everything is."""
    return jsonify(issuer="https://id.example.com", jwks_uri="/.well-known/jwks.json")


@app.get("/to-provider")
def to_provider() -> Any:
    """Send somebody to the other provider."""
    return oauth.provider.authorize_redirect(request.host_url + "callback")


@app.get("/callback")
def callback() -> Any:
    """Let in who comes back from it."""
    try:
        given = oauth.provider.authorize_access_token()
        told = oauth.provider.userinfo(token=given)
    except OAuthError:
        return redirect("/signin?failed")
    session["user"] = told["name"]
    return redirect("/")


@app.get("/about")
def about() -> Response:
    """Have nothing to do with auth."""
    return Response("<p>About us</p>")


if __name__ == "__main__":
    app.run("127.0.0.1", int(os.environ["PORT"]), threaded=True)
