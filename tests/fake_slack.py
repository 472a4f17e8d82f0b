"""Slack on loopback: incoming webhooks at /hook, the Web API at /api/<method>; keeps what it was sent.

It does what Slack is documented to do, and what it is told to by `script`: a status with headers, an error's
name, or to hang up after it has taken the message.
"""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

HANG_UP = "hang up"
Json = dict[str, Any]


@dataclass(frozen=True)
class SlackCall:
    """One request as it arrived."""

    method: str
    body: Json
    token: str


@dataclass
class FakeSlack:
    """script: what it answers to the next calls, one after the other; then it says that all is well."""

    base: str = ""
    calls: list[SlackCall] = field(default_factory=list)
    script: list[Any] = field(default_factory=list)
    # Messages of the channel, by ts; replies have a thread_ts.
    posted: dict[str, Json] = field(default_factory=dict)
    # Whether the bot was given the scope channels:history.
    may_read: bool = True
    # Set to end a silence before the next answers.
    silence: threading.Event | None = None

    @property
    def hook(self) -> str:
        return f"{self.base}/hook"

    @property
    def api(self) -> str:
        return f"{self.base}/api"

    def bodies(self, method: str = "hook") -> list[Json]:
        return [call.body for call in self.calls if call.method == method]

    def take(self, method: str, body: Json, token: str) -> tuple[int, dict[str, str], bytes] | None:
        """The answer to one call; None: hangs up."""
        self.calls.append(SlackCall(method, body, token))
        told = self.script.pop(0) if self.script else None
        if told == HANG_UP:
            self._keep(method, body)
            return None
        if isinstance(told, tuple):
            return told[0], told[1], b""
        if isinstance(told, str):
            return 200, {}, json.dumps({"ok": False, "error": told}).encode()
        return 200, {}, self._keep(method, body)

    def _keep(self, method: str, body: Json) -> bytes:
        if method == "hook":
            return b"ok"
        if method == "conversations.history":
            return self._history(body)
        if method == "chat.update" and body["ts"] not in self.posted:
            return b'{"ok": false, "error": "message_not_found"}'
        ts = body["ts"] if method == "chat.update" else f"{time.time():.6f}"
        # An update without metadata leaves what was there.
        self.posted[ts] = {"metadata": self.posted.get(ts, {}).get("metadata"), **body}
        return json.dumps({"ok": True, "channel": body["channel"], "ts": ts, "message": body}).encode()

    def _history(self, body: Json) -> bytes:
        """Newest first, replies left out; of bots with the scope to read it."""
        if not self.may_read:
            return b'{"ok": false, "error": "missing_scope", "needed": "channels:history"}'
        there = [
            {"ts": ts, **one}
            for ts, one in sorted(self.posted.items(), reverse=True)
            if one["channel"] == body["channel"] and ts > body["oldest"] and "thread_ts" not in one
        ]
        return json.dumps({"ok": True, "messages": there[: body["limit"]], "has_more": False}).encode()


@contextmanager
def fake_slack() -> Iterator[FakeSlack]:
    """Serves until the end of the block."""
    slack = FakeSlack()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if slack.silence is not None:
                slack.silence.wait(30)
            token = (self.headers["authorization"] or "").removeprefix("Bearer ")
            answer = slack.take(self.path.rsplit("/", 1)[1], body, token)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer[0])
            for name, value in {**answer[1], "content-length": str(len(answer[2]))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer[2])

        def log_message(self, *_arguments: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    slack.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield slack
    finally:
        if slack.silence is not None:
            slack.silence.set()
        server.shutdown()
        thread.join()
        server.server_close()
