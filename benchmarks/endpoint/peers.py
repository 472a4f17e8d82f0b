"""The same two models behind LitServe and mosec; runs in their environment and imports nothing of ours.

`python peers.py litserve|mosec gpu|minilm BATCH PORT FOLDER`
"""

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FIXED_S, ITEM_S = 0.008, 0.0003
WAIT_S = 0.005
DIM = 8


class GpuLike:
    """Costs what a batch costs on a GPU, and leaves the CPU alone meanwhile."""

    def __init__(self, folder: Path) -> None:
        del folder

    def __call__(self, texts: Sequence[str]) -> list[Any]:
        """The same unit vector for each."""
        time.sleep(FIXED_S + ITEM_S * len(texts))
        return [[1.0] + [0.0] * (DIM - 1) for _ in texts]


class MiniLM:
    """The ONNX file and the tokenizer that our endpoint runs, on one thread as there."""

    def __init__(self, folder: Path) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.no_padding()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(folder / "minilm.onnx"), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, texts: Sequence[str]) -> list[Any]:
        """Unit vectors of six digits."""
        import numpy as np

        tokens = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        ids = np.zeros((len(tokens), max(map(len, tokens))), np.int64)
        mask = np.zeros_like(ids)
        for row, one in enumerate(tokens):
            ids[row, : len(one)] = one
            mask[row, : len(one)] = 1
        [vectors] = self.session.run(["embedding"], {"input_ids": ids, "attention_mask": mask})
        return list(np.round(vectors, 6))


MODELS = {"gpu": GpuLike, "minilm": MiniLM}


def answer_all(model: Any, requests: Sequence[Sequence[str]]) -> list[list[Any]]:
    """One batch over the texts of several requests; each gets its rows."""
    rows = model([text for texts in requests for text in texts])
    answers = []
    for texts in requests:
        answers.append(rows[: len(texts)])
        rows = rows[len(texts) :]
    return answers


def as_json(vectors: Any) -> bytes:
    """Written by orjson, as ours are: the servers are compared, not the JSON libraries."""
    import orjson

    return orjson.dumps({"vectors": vectors}, option=orjson.OPT_SERIALIZE_NUMPY)


def litserve(model: str, batch: int, port: int, folder: Path) -> None:
    """LitServe's own front end and one worker process."""
    import litserve as ls
    from fastapi import Response

    class Api(ls.LitAPI):  # type: ignore[misc]
        def setup(self, device: str) -> None:
            del device
            self.model = MODELS[model](folder)

        def decode_request(self, request: Any) -> Any:
            return request["texts"]

        def batch(self, inputs: Any) -> Any:
            return inputs

        def predict(self, inputs: Any) -> Any:
            return answer_all(self.model, inputs) if batch > 1 else answer_all(self.model, [inputs])[0]

        def unbatch(self, output: Any) -> Any:
            return output

        def encode_response(self, output: Any) -> Response:
            return Response(as_json(output), media_type="application/json")

    api = Api(max_batch_size=batch, batch_timeout=WAIT_S if batch > 1 else 0.0)
    server = ls.LitServer(api, accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=port, num_api_servers=1, generate_client_file=False, log_level="error")


def mosec(model: str, batch: int, port: int, folder: Path) -> None:
    """mosec's Rust front end and one worker process; it reads a command line of its own."""
    sys.argv = [sys.argv[0], "--port", str(port), "--address", "127.0.0.1", "--timeout", "10000"]
    from mosec import Server, Worker

    class Embed(Worker):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = MODELS[model](folder)

        def deserialize(self, data: bytes) -> Any:
            return json.loads(data)["texts"]

        def serialize(self, data: Any) -> bytes:
            return as_json(data)

        def forward(self, data: Any) -> Any:
            return answer_all(self.model, data) if batch > 1 else answer_all(self.model, [data])[0]

    wait_ms = int(WAIT_S * 1000) if batch > 1 else 0
    server = Server()
    server.append_worker(Embed, num=1, max_batch_size=batch, max_wait_time=wait_ms)
    server.run()


if __name__ == "__main__":
    name, which, size, number, path = sys.argv[1:6]
    {"litserve": litserve, "mosec": mosec}[name](which, int(size), int(number), Path(path))
