"""Flask-AppBuilder with login by OAuth, as Superset and Airflow are often run; SQLite."""

from __future__ import annotations

import os
from pathlib import Path

from flask import Flask
from flask_appbuilder import AppBuilder
from flask_appbuilder.const import AUTH_OAUTH
from flask_appbuilder.models.sqla.base import SQLA
from provider import start_provider
from werkzeug.serving import make_server

DATA = Path(os.environ["DATA_DIR"])

provider = start_provider()
app = Flask(__name__)
app.config |= {
    "SECRET_KEY": "a made-up key for this capture, long enough",
    "SQLALCHEMY_DATABASE_URI": f"sqlite:///{DATA / 'users.sqlite'}",
    "AUTH_TYPE": AUTH_OAUTH,
    "OAUTH_PROVIDERS": [
        {
            "name": "github",
            "icon": "fa-github",
            "token_key": "access_token",
            "remote_app": {
                "client_id": "capture",
                "client_secret": "made-up",
                "api_base_url": f"{provider}/",
                "client_kwargs": {"scope": "read:user"},
                "access_token_url": f"{provider}/token",
                "authorize_url": f"{provider}/authorize",
            },
        }
    ],
}


def fill(builder: AppBuilder) -> None:
    """Create the users that are there from the beginning."""
    manager = builder.sm
    for name in ("ada", "grace", "barbara"):
        user = manager.add_user(
            f"github_{name}", name, "Example", f"{name}@example.com", manager.find_role("Admin")
        )
        if name == "barbara":
            user.active = False
            manager.update_user(user)


if __name__ == "__main__":
    with app.app_context():
        fill(AppBuilder(app, SQLA(app).session))
    make_server("127.0.0.1", int(os.environ["PORT"]), app, threaded=True).serve_forever()
