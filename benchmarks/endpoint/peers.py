"""The same two models behind LitServe and mosec; runs in their environment and imports nothing of ours.

`python -m benchmarks.endpoint.peer_litserve gpu|minilm BATCH PORT FOLDER`, or peer_mosec. Worker processes
import the module again, so what to run stands in the environment.
"""

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FIXED_S, ITEM_S = 0.008, 0.0003
WAIT_S = 0.005
DIM = 8
ARGUMENTS = 5


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


class Job:
    """What the command line asks for, handed on to worker processes."""

    def __init__(self) -> None:
        if len(sys.argv) == ARGUMENTS:
            os.environ["BENCHMARK_JOB"] = " ".join(sys.argv[1:])
        model, batch, port, folder = os.environ["BENCHMARK_JOB"].split()
        self.batch, self.port = int(batch), int(port)
        self._model, self._folder = model, Path(folder)

    def load(self) -> Any:
        """The model."""
        return MODELS[self._model](self._folder)


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
