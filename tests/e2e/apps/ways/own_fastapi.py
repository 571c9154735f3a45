"""A FastAPI application that builds a provider, though `opentelemetry-instrument` has."""

import os

import uvicorn
from own_provider import set_up
from shop_fastapi import app

set_up()

if __name__ == "__main__":
    uvicorn.run(app, port=int(os.environ["PORT"]), log_level="warning")
