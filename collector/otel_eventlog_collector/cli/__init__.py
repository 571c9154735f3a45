"""The command `otel-eventlog`: one file per command."""
