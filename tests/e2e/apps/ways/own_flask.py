"""A Flask application that builds a provider, though `opentelemetry-instrument` has."""

import os

from own_provider import set_up
from shop_flask import app

set_up()

if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
