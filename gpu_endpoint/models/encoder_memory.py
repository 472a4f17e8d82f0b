"""What the encoder made of the last texts: tags, classes and a vector of one text cost one pass."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

MAX_TOKENS = 16_384  # of 768 float16 numbers each: 25 MB


@dataclass(frozen=True, slots=True)
class Encoded:
    """One text. Shapes: embedding (384), states (tokens, 768) in float16."""

    embedding: npt.NDArray[np.float32]
    states: npt.NDArray[np.float16]


class EncoderMemory:
    """The last texts by their token ids, forgotten oldest first; safe from several threads."""

    def __init__(self, max_tokens: int = MAX_TOKENS) -> None:
        self.max_tokens = max_tokens
        self.tokens = 0
        self._texts: OrderedDict[tuple[int, ...], Encoded] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, ids: tuple[int, ...]) -> Encoded | None:
        """What is known of the text."""
        with self._lock:
            if ids in self._texts:
                self._texts.move_to_end(ids)
            return self._texts.get(ids)

    def put(self, ids: tuple[int, ...], encoded: Encoded) -> None:
        """Remembers the text, and forgets what no longer fits."""
        with self._lock:
            if ids not in self._texts:
                self._texts[ids] = encoded
                self.tokens += len(ids)
            while self.tokens > self.max_tokens:
                forgotten, _ = self._texts.popitem(last=False)
                self.tokens -= len(forgotten)
