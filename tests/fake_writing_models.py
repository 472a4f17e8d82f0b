"""Amazon Bedrock's Converse and Anthropic's Messages on loopback, in their wire formats, with their faults.

A request that the real service would refuse fails the test that made it. Shapes: botocore's bedrock-runtime
service model; https://docs.anthropic.com/en/api/messages and .../errors.
"""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

KEY = "sk-ant-test-0123456789"


def quotes(user: str) -> str:
    """A model that does as it is told: the first words of each passage, cited."""
    passages = json.loads(user)["passages"]
    said = [{"text": passage["text"], "cites": [passage["id"]]} for passage in passages]
    return json.dumps({"sentences": said})


@dataclass
class FakeModels:
    """says: the model's text for a prompt; fails: answers before it, each (status, error's name, headers)."""

    url: str = ""
    says: Callable[[str], str] = quotes
    fails: list[tuple[int, str, dict[str, str]]] = field(default_factory=list)
    silence: threading.Event | None = None
    raw: bytes | None = None
    asked: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def writing_models() -> Iterator[FakeModels]:
    """Serves until the end of the block."""
    fake = FakeModels()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            converse = self.path.endswith("/converse")
            fake.asked.append({"path": unquote(self.path), "headers": dict(self.headers), "body": body})
            if fake.silence is not None:
                fake.silence.wait(30)
            if fake.fails:
                status, name, headers = fake.fails.pop(0)
                self._send(status, *(_aws_error(name) if converse else _anthropic_error(name)), headers)
                return
            answer = _converse(body, fake.says) if converse else _messages(body, self.headers, fake.says)
            self._send(200, fake.raw if fake.raw is not None else json.dumps(answer).encode(), {}, {})

        def _send(self, status: int, body: bytes, named: dict[str, str], headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {"content-type": "application/json", **named, **headers}.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


def _converse(body: dict[str, Any], says: Callable[[str], str]) -> dict[str, Any]:
    ((message,), (_system,)) = body["messages"], body["system"]
    assert message["role"] == "user"
    assert body["inferenceConfig"]["maxTokens"] > 0
    content = [
        {"reasoningContent": {"reasoningText": {"text": "Let me think."}}},
        {"text": says(message["content"][0]["text"])},
    ]
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
        "metrics": {"latencyMs": 1},
    }


def _messages(body: dict[str, Any], headers: Any, says: Callable[[str], str]) -> dict[str, Any]:
    assert headers["x-api-key"] == KEY
    assert headers["anthropic-version"] == "2023-06-01"
    assert body.keys() == {"model", "max_tokens", "system", "messages"}
    (message,) = body["messages"]
    content = [
        {"type": "thinking", "thinking": "Let me think.", "signature": "s"},
        {"type": "text", "text": says(message["content"])},
    ]
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def _aws_error(name: str) -> tuple[bytes, dict[str, str]]:
    return json.dumps({"message": "as AWS words it"}).encode(), {"x-amzn-errortype": name}


def _anthropic_error(name: str) -> tuple[bytes, dict[str, str]]:
    error = {"type": "error", "error": {"type": name, "message": "as Anthropic words it"}}
    return json.dumps(error).encode(), {}
