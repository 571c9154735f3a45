"""A FastAPI log-in with a second factor."""

from typing import Annotated

from fastapi import Body, FastAPI, HTTPException

from otel_eventlog import current_action


def create_app() -> FastAPI:
    """Return the application."""
    app = FastAPI()

    @app.post("/login")
    def login(user: Annotated[str, Body()], password: Annotated[str, Body()]) -> dict[str, str]:
        if password != "correct horse battery staple":
            current_action().fail("invalid_credentials")
            raise HTTPException(401)
        current_action().set_user(f"id-of-{user}").succeed(next_step="second_factor")
        return {"next": "a code was sent"}

    return app
