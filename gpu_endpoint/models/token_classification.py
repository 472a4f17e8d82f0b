"""Any BERT-family token-classification checkpoint from a file: safetensors or ONNX, and tokenizer.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from tokenizers import Tokenizer

from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.files import ModelFileError, built_once
from gpu_endpoint.models.minilm import INT8_BLOCK, OVERLAP
from gpu_endpoint.models.ports import Head, Task
from gpu_endpoint.models.sessions import open_session
from gpu_endpoint.models.spans import Floats, Span, Stretch, TagScheme, answered, in_text, log_chances
from gpu_endpoint.models.token_checkpoints import Checkpoint, build_tagger, read_checkpoint, read_weights

EXAMPLE = ("Maria restarted checkout in Dublin",)


@dataclass(frozen=True, slots=True)
class Item:
    """One window of a text. `words`: the first piece of each word, whose tag is the word's."""

    ids: list[int]
    words: list[int]
    offsets: list[tuple[int, int]]
    text: int


class TokenClassification:
    """Tags words as the checkpoint's own labels have it."""

    dim = None

    def __init__(self, config: ModelConfig, folder: Path, *, home: Path, threads: int) -> None:
        self.model_id = config.id
        self.precision = config.precision
        self.revision = f"{config.revision()}-{config.precision}"
        checkpoint = read_checkpoint(config.file("config", folder))
        self._scheme = TagScheme(checkpoint.tags)
        self._tokenizer = read_tokenizer(config.file("tokenizer", folder), checkpoint)
        graph = find_graph(config, folder, home, checkpoint, self.revision)
        self._session = open_session(graph, threads=threads)
        self._inputs = {one.name for one in self._session.get_inputs()}
        head = Head(
            task="tag_entities",
            lane="texts",
            prepare=self.prepare,
            forward=self.forward,
            finish=finish,
            example=lambda: EXAMPLE,
            size=lambda item: len(item.ids),
            vectors=False,
        )
        self.tasks: dict[Task, Head] = {"tag_entities": head}

    def prepare(self, texts: Sequence[str]) -> list[Item]:
        """Windows of all texts."""
        return [
            as_item(part, index)
            for index, whole in enumerate(self._tokenizer.encode_batch(list(texts)))
            for part in (whole, *whole.overflowing)
        ]

    def logits(self, items: Sequence[Item]) -> Floats:
        """Shapes: n windows -> (n, tokens, tags)."""
        longest = max(len(item.ids) for item in items)
        ids = np.zeros((len(items), longest), np.int64)
        mask = np.zeros_like(ids)
        for row, item in enumerate(items):
            ids[row, : len(item.ids)] = item.ids
            mask[row, : len(item.ids)] = 1
        fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        answer: Floats = self._session.run(None, {name: fed[name] for name in self._inputs})[0]
        return answer

    def forward(self, items: Sequence[Item]) -> list[list[Span]]:
        """Spans of words, per window."""
        scores = log_chances(self.logits(items))
        return [
            self._scheme.spans(scores[row, item.words]) if item.words else []
            for row, item in enumerate(items)
        ]


def as_item(encoding: Any, text: int) -> Item:
    """A window: its words from first piece to last."""
    words: list[int] = []
    offsets: list[tuple[int, int]] = []
    seen: int | None = None
    for token, (word, (start, end)) in enumerate(zip(encoding.word_ids, encoding.offsets, strict=True)):
        if word is None:
            continue
        if word != seen:
            words.append(token)
            offsets.append((start, end))
        else:
            offsets[-1] = (offsets[-1][0], end)
        seen = word
    return Item(encoding.ids, words, offsets, text)


def finish(
    texts: Sequence[str], items: Sequence[Item], rows: Sequence[Sequence[Span]]
) -> list[list[Mapping[str, object]]]:
    """The entities of each text."""
    answers = []
    for index, text in enumerate(texts):
        mine = [place for place, item in enumerate(items) if item.text == index and item.words]
        found = in_text([items[place].offsets for place in mine], [rows[place] for place in mine])
        answers.append(answered(text, [trimmed(text, one) for one in found]))
    return answers


def trimmed(text: str, one: Stretch) -> Stretch:
    """Without the space that byte-level tokenizers count to the word after it."""
    start, end = one.start, one.end
    while start < end and text[start].isspace():
        start += 1
    return replace(one, start=start)


def read_tokenizer(path: Path, checkpoint: Checkpoint) -> Tokenizer:
    """Raises: ModelFileError."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # tokenizers raises plain Exception
        raise ModelFileError(f"{path} is not a tokenizer.json") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(checkpoint.max_tokens, stride=min(OVERLAP, checkpoint.max_tokens // 4))
    return tokenizer


def find_graph(config: ModelConfig, folder: Path, home: Path, checkpoint: Checkpoint, revision: str) -> Path:
    """The ONNX file: the config's own, or built from its safetensors on the first start."""
    if "graph" in config.files:
        return config.file("graph", folder)
    block = {"int8": INT8_BLOCK, "float32": None}.get(config.precision, 0)
    if block == 0:
        raise ModelFileError(f"{config.id}: precision is int8 or float32, not {config.precision!r}")
    weights = config.file("weights", folder)

    def build(draft: Path) -> None:
        onnx.save(build_tagger(read_weights(weights, checkpoint), checkpoint, int8_block=block), draft)

    return built_once(home / f"{config.id.replace('/', '--')}-{revision}.onnx", build)
