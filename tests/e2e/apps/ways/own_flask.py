"""A Flask application that builds its own provider, and is run by `opentelemetry-instrument` too."""

import os


from own_provider import set_up
from shop_flask import app

set_up()

if __name__ == "__main__":
    app.run(port=int(os.environ["PORT"]))
