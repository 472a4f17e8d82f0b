"""What a connection says by itself, in plain text: what is no request, or has no end, is handed to no app."""

from __future__ import annotations

from gpu_endpoint.exchange import STATUS_LINES

HEAD_BYTES = 64 * 1024  # of a request's first line and headers, and of the trailers after its body
NO_HTTP, LONG_HEAD = 400, 431
SAID = {
    NO_HTTP: b"this is no HTTP/1.1 request\n",
    LONG_HEAD: b"the headers of a request may have %d bytes\n" % HEAD_BYTES,
}
HEAD = b"content-type: text/plain\r\nconnection: close\r\ncontent-length: %d\r\n\r\n"


class LongHeadError(Exception):
    """More headers than anybody sends who wants an answer."""


class TooFarAheadError(Exception):
    """More requests than anybody sends before the first is answered."""


def written_refusal(error: Exception) -> bytes:
    """The whole answer; the parser's error has what was raised in its callbacks as context."""
    status = LONG_HEAD if LongHeadError in (type(error), type(error.__context__)) else NO_HTTP
    return STATUS_LINES[status] + HEAD % len(SAID[status]) + SAID[status]
