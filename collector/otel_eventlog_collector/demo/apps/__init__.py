"""The demo's applications: `shop` (Flask, HTML, cookies) and `mobile` (FastAPI, JSON, tokens).

Both stand on `accounts`. Neither configures OpenTelemetry: `opentelemetry-instrument` does.
"""
