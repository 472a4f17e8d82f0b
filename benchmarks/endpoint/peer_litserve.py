"""LitServe's own front end and one worker process."""

from __future__ import annotations

from typing import Any

import litserve
from fastapi import Response

from benchmarks.endpoint.peers import WAIT_S, Job, answer_all, as_json

JOB = Job()


class Embed(litserve.LitAPI):  # type: ignore[misc]
    """Texts in, unit vectors out."""

    def setup(self, device: str) -> None:
        """In the worker."""
        del device
        self.model = JOB.load()

    def decode_request(self, request):  # type: ignore[no-untyped-def]
        """In the worker. Without an annotation LitServe hands over the JSON; with one it wants a query."""
        return request["texts"]

    def batch(self, inputs: Any) -> Any:
        """As they are: a list of lists."""
        return inputs

    def predict(self, inputs: Any) -> Any:
        """One request, or several."""
        return answer_all(self.model, inputs) if JOB.batch > 1 else answer_all(self.model, [inputs])[0]

    def unbatch(self, output: Any) -> Any:
        """As they are."""
        return output

    def encode_response(self, output: Any) -> Response:
        """Whole, so that nothing writes it again."""
        return Response(as_json(output), media_type="application/json")


if __name__ == "__main__":
    api = Embed(max_batch_size=JOB.batch, batch_timeout=WAIT_S if JOB.batch > 1 else 0.0)
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(
        host="127.0.0.1", port=JOB.port, num_api_servers=1, generate_client_file=False, log_level="error"
    )
