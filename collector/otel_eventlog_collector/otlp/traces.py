"""A trace request of either encoding → what of it is to become event logs."""

from __future__ import annotations

from otel_eventlog.mapping import Mapper
from otel_eventlog_collector.otlp.decode_json import decode_traces_json
from otel_eventlog_collector.otlp.decode_protobuf import decode_traces_protobuf
from otel_eventlog_collector.otlp.encode import Encoding
from otel_eventlog_collector.otlp.express import Express
from otel_eventlog_collector.otlp.records import DecodedSpans


class TraceDecoder:
    """Decodes trace requests, and leaves out what no rule wants. Thread-safe.

    Args:
        mapper: what the spans will be mapped by; without one, all are returned as they are.

    """

    def __init__(self, mapper: Mapper | None = None) -> None:
        """Know no spans yet."""
        self._recognise = mapper.rules.match if mapper is not None else None
        self.express = Express(mapper) if mapper is not None else None
        """What it remembers of spans; None if it returns them as they are."""

    def decode(self, body: bytes, encoding: Encoding) -> DecodedSpans:
        """Return the spans, and the pairs, of an ExportTraceServiceRequest.

        Raises:
            PermanentError: the body is no such request, or over a limit.

        """
        if encoding is Encoding.JSON:
            return decode_traces_json(body, self._recognise)
        return decode_traces_protobuf(body, self._recognise, self.express)
