"""What accepts telemetry from the network: OTLP over HTTP and over gRPC, one intake behind both."""
