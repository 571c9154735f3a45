"""OTLP as bytes: bounded before parsing, decoded to spans and event logs, answered. Pure."""
