"""A Slack of our own on this machine: takes what an incoming webhook is sent, and keeps it."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/services/T0DEMO/B0DEMO/loopback"
"""As Slack's incoming webhooks look; anything else is answered as Slack answers it."""


class Slack:
    """What arrived, in order."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.messages: list[dict[str, Any]] = []

    def about(self, number: int) -> list[dict[str, Any]]:
        """The messages that name an incident."""
        named = re.compile(rf"INC-{number}\b")
        return [one for one in self.messages if named.search(json.dumps(one))]


@contextmanager
def local_slack() -> Iterator[Slack]:
    """Serves until the end of the block."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    slack = Slack(f"http://127.0.0.1:{server.server_address[1]}{PATH}")
    _Handler.slack = slack
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield slack
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    slack: Slack

    def do_POST(self) -> None:
        """`ok`, as Slack says it."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, answer = (200, b"ok") if self.path == PATH else (404, b"no_service")
            if status == 200:
                self.slack.messages.append(json.loads(body))
        except ValueError:
            status, answer = 400, b"invalid_payload"
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *_: object) -> None:
        """Silent: the demo shows what came."""
