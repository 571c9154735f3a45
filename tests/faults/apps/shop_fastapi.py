"""An ordinary FastAPI application with a login; it knows nothing of outages."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel

app = FastAPI()


class Credentials(BaseModel):
    """What the login form sends."""

    user: str
    password: str
    wait_s: float = 0


@app.post("/login")
async def login(credentials: Credentials) -> dict[str, str]:
    """Let in who knows the password; think about it first, if asked to."""
    await asyncio.sleep(credentials.wait_s)
    if credentials.password != "correct horse":
        raise HTTPException(401, "wrong user or password")
    return {"user": credentials.user}
