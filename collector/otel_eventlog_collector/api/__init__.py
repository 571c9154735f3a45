"""The listener for people: JSON API, live stream, export, health, metrics and the dashboard."""
