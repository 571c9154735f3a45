"""Event logs of authentication calls, made from OpenTelemetry spans."""
