"""An ordinary FastAPI application with a login; it knows nothing of event logs or of tracing."""

import os

import uvicorn
from fastapi import FastAPI, HTTPException
from gate import wait_at_gate
from pydantic import BaseModel

app = FastAPI()


class Credentials(BaseModel):
    """What the login form sends."""

    user: str
    password: str
    wait: bool = False


@app.post("/login")
def login(credentials: Credentials) -> dict[str, object]:
    """Let Ada in with her password, and nobody else."""
    if credentials.wait:
        wait_at_gate()
    if credentials.password != "correct horse":
        raise HTTPException(401, "wrong user or password")
    return {"user": credentials.user, "pid": os.getpid()}


@app.get("/news")
async def news() -> dict[str, str]:
    """Show a page that has nothing to do with logins."""
    return {"news": "none"}


@app.get("/busy")
async def busy() -> dict[str, str]:
    """Keep the whole process busy: nobody should write this, and many do."""
    wait_at_gate()
    return {}


if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
