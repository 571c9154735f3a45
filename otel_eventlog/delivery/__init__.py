"""How event logs leave the application: queue, spool, worker thread, senders.

    delivery      what the rest of the package uses: `put`, `force_flush`, `shutdown`, fork and exit
    worker        the thread: takes from memory and spool, hands to transmit
    transmit      encodes, sends, retries, splits, counts       retry   how long to wait between
    encode        event logs → OTLP logs requests, bounded in bytes and records
    record        one event log → its log record; what recurs is encoded once
    http_sender   one attempt over OTLP/HTTP          grpc_sender   one attempt over OTLP/gRPC
    sender        what an attempt can end in, and what a sender has to know
    queue         bounded memory that the request thread appends to without a lock
    spool         the same on disk, so that a killed process loses nothing
    shelf         the directory of one process in it            segment one file in that
    tally         counters and the rare log line
    suppress      keeps other instrumentations from tracing our own calls

The modules are imported by name: this one imports nothing, so that importing the package is cheap.
"""
