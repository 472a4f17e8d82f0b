"""mosec's Rust front end and one worker process."""

from __future__ import annotations

import json
import sys
from typing import Any

from benchmarks.endpoint.peers import WAIT_S, Job, answer_all, as_json

JOB = Job()
# mosec reads a command line of its own, when it is imported.
sys.argv = [sys.argv[0], "--port", str(JOB.port), "--address", "127.0.0.1", "--timeout", "10000"]

from mosec import Server, Worker  # noqa: E402 - see above


class Embed(Worker):  # type: ignore[misc]
    """Texts in, unit vectors out."""

    def __init__(self) -> None:
        super().__init__()
        self.model = JOB.load()

    def deserialize(self, data: bytes) -> Any:
        """In the worker."""
        return json.loads(data)["texts"]

    def serialize(self, data: Any) -> bytes:
        """In the worker."""
        return as_json(data)

    def forward(self, data: Any) -> Any:
        """One request, or several."""
        return answer_all(self.model, data) if JOB.batch > 1 else answer_all(self.model, [data])[0]


if __name__ == "__main__":
    wait_ms = int(WAIT_S * 1000) if JOB.batch > 1 else 0
    server = Server()
    server.append_worker(Embed, num=1, max_batch_size=JOB.batch, max_wait_time=wait_ms)
    server.run()
