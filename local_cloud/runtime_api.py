"""The Lambda Runtime API for one worker process.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import queue
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import cast

PREFIX = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Invocation:
    """One event on its way to the function."""

    request_id: str
    payload: bytes
    deadline_ms: int
    trace_id: str
    function_arn: str


@dataclass(frozen=True)
class Answer:
    """What the function (or its runtime) sent back."""

    payload: bytes
    failed: bool


class RuntimeApi:
    """Hands out one invocation at a time and collects its answer."""

    def __init__(self) -> None:
        self.ready = threading.Event()
        self.init_error: bytes | None = None
        self._inbox: queue.Queue[Invocation | None] = queue.Queue()
        self._answers: queue.Queue[Answer] = queue.Queue()
        self.current: Invocation | None = None
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        """For AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def send(self, invocation: Invocation) -> None:
        """Give the worker its next event."""
        self.current = invocation
        self._inbox.put(invocation)

    def receive(self, timeout_s: float) -> Answer | None:
        """The answer, or None when the time ran out."""
        try:
            return self._answers.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def next(self) -> Invocation | None:
        """Called by the worker: it has finished its init phase and waits; None: we are closing."""
        self.ready.set()
        return self._inbox.get()

    def answer(self, answer: Answer) -> None:
        """Called by the worker, or for it when its process ended."""
        self._answers.put(answer)

    def fail_init(self, payload: bytes) -> None:
        """Called by the worker when its module cannot be imported."""
        self.init_error = payload
        self.ready.set()

    def close(self) -> None:
        """Stop serving."""
        self._inbox.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: RuntimeApi


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One write per answer and no Nagle: a warm call costs 0.6 ms instead of 90 ms.
    wbufsize = -1
    disable_nagle_algorithm = True

    @property
    def _api(self) -> RuntimeApi:
        return cast(_Server, self.server).api

    def log_message(self, format: str, *args: object) -> None:
        """Silent: every call is logged by the executor."""

    def do_GET(self) -> None:
        """GET /runtime/invocation/next, a long poll."""
        invocation = self._api.next()
        if invocation is None:
            self.close_connection = True
            return
        headers = {
            "Lambda-Runtime-Aws-Request-Id": invocation.request_id,
            "Lambda-Runtime-Deadline-Ms": str(invocation.deadline_ms),
            "Lambda-Runtime-Invoked-Function-Arn": invocation.function_arn,
            "Lambda-Runtime-Trace-Id": invocation.trace_id,
            "Content-Type": "application/json",
        }
        self._send(200, invocation.payload, headers)

    def do_POST(self) -> None:
        """POST .../init/error, .../invocation/{id}/response or .../invocation/{id}/error."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        current = self._api.current
        if self.path == f"{PREFIX}/init/error":
            self._api.fail_init(body)
        elif current and self.path == f"{PREFIX}/invocation/{current.request_id}/response":
            self._api.answer(Answer(body, failed=False))
        elif current and self.path == f"{PREFIX}/invocation/{current.request_id}/error":
            self._api.answer(Answer(body, failed=True))
        else:
            self._send(400, b'{"errorMessage":"unknown request id"}')
            return
        self._send(202, b'{"status":"OK"}')

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()
