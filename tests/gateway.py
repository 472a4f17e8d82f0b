"""A handler behind a real HTTP address: what API Gateway and its authorizer do, for one known principal."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from uuid import uuid4

from sightline.principal import Principal

Handler = Callable[[dict[str, Any], Any], Any]


class _Context:
    """What Lambda passes beside the event."""

    function_name = "tests"
    memory_limit_in_mb = 128
    invoked_function_arn = "arn:aws:lambda:eu-central-1:000000000000:function:tests"
    aws_request_id = "tests"


@contextmanager
def serving(handler: Handler, principal: Principal) -> Iterator[str]:
    """The address, until the end of the block. One request at a time, as one Lambda process takes them."""
    turn = threading.Lock()

    class Gateway(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            path, _, query = self.path.partition("?")
            length = int(self.headers.get("content-length") or 0)
            event = {
                "version": "2.0",
                "routeKey": "$default",
                "rawPath": path,
                "rawQueryString": query,
                "headers": {name.lower(): value for name, value in self.headers.items()},
                "requestContext": {
                    "requestId": str(uuid4()),
                    "http": {"method": self.command, "path": path, "sourceIp": "192.0.2.1"},
                    "authorizer": {"lambda": principal.as_context()},
                },
                "isBase64Encoded": False,
            }
            if length:
                event["body"] = self.rfile.read(length).decode()
            with turn:
                answer = handler(event, _Context())
            body = (answer.get("body") or "").encode()
            self.send_response(answer["statusCode"])
            for name, value in answer.get("headers", {}).items():
                if name.lower() != "content-length":
                    self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            return

    for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
        setattr(Gateway, f"do_{method}", Gateway._pass_on)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
