"""Every limit on what the collector takes in; named once, unit last, counted when hit.

The OpenTelemetry protocol asks a server to limit a request's size also after decompression and
recommends 64 MiB (OTLP specification, "Request size"). The other limits are ours. What they refuse
is far from what real clients send: a stock OpenTelemetry Collector batch holds 8,192 spans, a span
128 attributes at most unless somebody raised the SDK's limits.
"""

from __future__ import annotations

_MIB = 1024 * 1024

# --- one request ---------------------------------------------------------------------------------
BODY_BYTES_MAX = 64 * _MIB
"""Largest request, decompressed. Over it: 413, RESOURCE_EXHAUSTED."""

COMPRESSED_BYTES_MAX = 32 * _MIB
"""Largest compressed body as it comes over the wire; OTLP compresses ten times and better."""

RECORDS_PER_REQUEST_MAX = 20_000
"""Most spans or log records of one request. Over it: 413, nothing is parsed."""

GROUPS_PER_REQUEST_MAX = 40_000
"""Most resources and scopes of one request together."""

SHALLOW_BYTES_MAX = 512 * 1024
"""Largest protobuf request whose upper levels are parsed at once; in a larger one records are
counted before."""

FIELDS_WALKED_MAX = 150_000
"""Most protobuf fields above the level of single records, unknown ones included."""

JSON_TOKENS_MAX = 3_000_000
"""Most brackets and commas of one JSON request; about 90 belong to one span."""

JSON_BRACKETS_SKIPPED_MAX = 1_000_000
"""Most brackets of the rejected records of one JSON request. Over it: 413."""

ATTRIBUTES_PER_REQUEST_MAX = 1_000_000
"""Most attributes of all records and resources of one request together."""

GZIP_MEMBERS_MAX = 256
"""Most gzip members of one body. Over it: 413."""

# --- one record ----------------------------------------------------------------------------------
ATTRIBUTES_PER_RECORD_MAX = 1024
"""Most attributes of one span, log record, resource or event; a record with more is rejected."""

EVENTS_PER_SPAN_MAX = 1024
"""Most span events looked at, the last ones: an exception comes at the end."""

EXCEPTIONS_PER_SPAN_MAX = 16
"""Most exception events kept of one span, the last ones."""

RECORD_BYTES_UNCOUNTED_MAX = 16 * 1024
"""A message up to this size is parsed at once; in a larger one the fields are counted before."""

FIELDS_PER_RECORD_MAX = 8192
"""Most fields at the top level of one large record."""

ATTRIBUTE_BYTES_MAX = 64 * 1024
"""An attribute larger than this is cut if it is text, and left out if not."""

ATTRIBUTE_CHARS_MAX = 8192
"""Longest text of one attribute; the rest is cut. Longer than any single field of an event log."""

ARRAY_ITEMS_MAX = 128
"""Most items of an array attribute; the rest is cut."""

VALUE_DEPTH_MAX = 32
"""Deepest nesting of an attribute's value; a record with a deeper one is rejected."""

JSON_DEPTH_MAX = 160
"""Deepest nesting of brackets in one JSON record, resource or scope."""

JSON_RECORD_VALUES_MAX = 25_000
"""Most values in one JSON record, resource or scope; a record with more is rejected."""

# --- all requests together -----------------------------------------------------------------------
IN_FLIGHT_BYTES_MAX = 96 * _MIB
"""Bytes of all bodies that are being read, decoded or stored. Over it: 429, UNAVAILABLE."""

REQUESTS_IN_FLIGHT_MAX = 512
"""Requests being read, decoded or stored. Over it: 429, UNAVAILABLE."""

QUEUE_EVENTS_MAX = 60_000
"""Event logs that wait for the store's writer. Over it: 429, UNAVAILABLE."""

QUEUE_BYTES_MAX = 64 * _MIB
"""Memory that they may take. Over it: 429, UNAVAILABLE."""

CONNECTIONS_MAX = 1024
"""Open HTTP connections of one listener. Over it: 503."""

CONNECTIONS_BACKLOG = 1024
"""Connections the kernel keeps waiting until a listener accepts them."""

HEADER_BYTES_MAX = 64 * 1024
"""Largest request line and headers of one HTTP request. Over it: 431, and the connection closes."""

PIPELINED_REQUESTS_MAX = 64
"""Complete requests waiting on one HTTP connection. Over it the connection closes after them."""

GRPC_STREAMS_PER_CONNECTION_MAX = 128
"""Concurrent calls on one gRPC connection."""

GRPC_CONNECTIONS_MAX = 1024
"""Open gRPC connections. Over it a connection is closed."""

GRPC_MESSAGES_COMING_IN_MAX = 16
"""gRPC messages that come in at the same time; others are held back in their clients."""

# --- time ----------------------------------------------------------------------------------------
HEADER_TIMEOUT_S = 5
"""Longest wait for a request's headers to be complete."""

BODY_TIMEOUT_S = 10
"""Longest wait for a body, beyond what its size allows at BODY_BYTES_PER_S_MIN."""

GRPC_MESSAGE_TIMEOUT_S = 20
"""Longest wait for a gRPC message; stock exporters give up after 10 s."""

BODY_BYTES_PER_S_MIN = 256 * 1024
"""Slowest pace at which a long body may come in."""

STALL_TIMEOUT_S = 60
"""How long a client may take nothing of an answer that waits for it; then it is cut off."""

KEEP_ALIVE_S = 30
"""How long an idle HTTP connection stays open; longer than the pause between two batches."""

ANSWER_TIMEOUT_S = 8
"""Longest wait for the commit. Stock exporters give up after 10 s: refuse before they do."""

DRAIN_TIMEOUT_S = 1
"""Longest reading on after a refusal, so that the client gets to see the answer."""

# --- slices of work ------------------------------------------------------------------------------
INLINE_BODY_BYTES_MAX = 16 * 1024
"""Bodies up to this size are decoded on the event loop, larger ones in a thread."""

DECODE_THREADS = 2
"""Threads that decode; more would only fight for the interpreter."""

DECOMPRESS_SLICE_BYTES = _MIB
"""Most bytes decompressed before other requests get their turn."""

SPANS_PER_SLICE = 250
"""Spans mapped before other requests get their turn."""

EVENTS_PER_WRITE_MAX = 2000
"""Most event logs given to the store at once."""

CLOCK_SKEW_NS_MAX = 10 * 60 * 1_000_000_000
"""An event log further in the collector's future than this is kept and flagged."""
