"""A Flask application that leaves logins to an auth provider, and asks it with `requests`."""

import requests
from flask import Flask, request

app = Flask(__name__)
PROVIDER = "http://test.stytch.com/v1"


@app.post("/login")
def login() -> tuple[dict[str, str], int]:
    """Let the auth provider check the password: the same action as our own."""
    answer = requests.post(f"{PROVIDER}/passwords/authenticate", json=request.json, timeout=60)
    return {}, answer.status_code


@app.post("/register")
def register() -> tuple[dict[str, str], int]:
    """Let the auth provider send a link: another action than our own."""
    url = f"{PROVIDER}/magic_links/email/login_or_create"
    return {}, requests.post(url, json=request.json, timeout=60).status_code


@app.post("/callback-of-nobody")
def unmatched() -> tuple[dict[str, str], int]:
    """Ask the auth provider in a request that is no auth call itself."""
    answer = requests.post(f"{PROVIDER}/sessions/authenticate", json=request.json, timeout=60)
    return {}, answer.status_code
