"""A streamed answer whose source is let go at once when the answer ends, however it ends."""

from __future__ import annotations

from starlette.responses import StreamingResponse
from starlette.types import Send


class ClosingResponse(StreamingResponse):
    """Closes its iterator itself; otherwise that is left to the garbage collector."""

    async def stream_response(self, send: Send) -> None:
        """Send the answer, then close where it comes from."""
        try:
            await super().stream_response(send)
        finally:
            close = getattr(self.body_iterator, "aclose", None)
            if close is not None:
                await close()
