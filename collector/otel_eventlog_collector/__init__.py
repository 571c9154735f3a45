"""The collector of otel-eventlog: receives OpenTelemetry, keeps event logs, shows them."""
