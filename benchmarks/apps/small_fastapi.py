"""A small FastAPI application: log-in, a session check, and pages that are nobody's log-in."""

from __future__ import annotations

import hashlib

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

SALT = b"benchmark"
ROUNDS = 2_000
"""About a millisecond: a hundredth of what a careful application spends on a password."""


def hashed(password: str) -> bytes:
    """Return what is stored of a password."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), SALT, ROUNDS)


STORED = {"ada": hashed("engine")}
app = FastAPI()


class Credentials(BaseModel):
    """What somebody types in."""

    user: str
    password: str


@app.post("/login")
async def login(credentials: Credentials) -> dict[str, str]:
    """Check a password."""
    if STORED.get(credentials.user) != hashed(credentials.password):
        raise HTTPException(401, "wrong user or password")
    return {"user": credentials.user}


@app.post("/api/auth/refresh")
async def refresh() -> dict[str, str]:
    """Prolong a session; costs nothing, so that everything but the framework shows."""
    return {"session": "prolonged"}


@app.get("/articles/{number}")
async def article(number: int) -> dict[str, object]:
    """Show an article."""
    return {"number": number, "title": f"Article {number}", "tags": ["a", "b"]}
