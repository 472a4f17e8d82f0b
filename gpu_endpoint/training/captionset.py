"""Many captions of a scene set, their sentence embeddings and the facts each asserts."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gpu_endpoint.models.minilm import SentenceEncoder
from gpu_endpoint.training.captions import caption, with_derived
from gpu_endpoint.training.palette import Floats

RAREST = 25  # scenes a fact must be true of to be learned


@dataclass(frozen=True)
class CaptionSet:
    """Shapes: sentences (c, 384); asserted (c, f) and true (n, f) are 0 or 1 per fact."""

    facts: list[str]
    texts: list[str]
    sentences: Floats
    asserted: NDArray[np.float32]
    true: NDArray[np.float32]


def one_hot(lists: list[list[str]], facts: list[str]) -> NDArray[np.float32]:
    """Rows of 0 and 1 over the facts; unknown facts are left out."""
    index = {fact: column for column, fact in enumerate(facts)}
    rows = np.zeros((len(lists), len(facts)), np.float32)
    for row, known in enumerate(lists):
        rows[row, [index[fact] for fact in known if fact in index]] = 1
    return rows


def write_captions(
    scenes: list[list[str]], encoder: SentenceEncoder, *, count: int, seed: int, cache: Path
) -> CaptionSet:
    """`count` captions of randomly chosen scenes; embeddings are kept in the cache file."""
    known = [with_derived(facts) for facts in scenes]
    counts = Counter(fact for facts in known for fact in facts)
    facts = sorted(fact for fact, number in counts.items() if number >= RAREST)
    kept = [[fact for fact in scene if fact in set(facts)] for scene in known]
    rng = random.Random(seed)
    captions = [caption(kept[rng.randrange(len(kept))], rng) for _ in range(count)]
    texts = [text for text, _ in captions]
    if cache.exists() and json.loads(cache.with_suffix(".json").read_text()) == texts:
        sentences = np.load(cache)
    else:
        sentences = encoder(texts)
        np.save(cache, sentences)
        cache.with_suffix(".json").write_text(json.dumps(texts))
    return CaptionSet(facts, texts, sentences, one_hot([f for _, f in captions], facts), one_hot(kept, facts))


def mirrored(true: NDArray[np.float32], facts: list[str]) -> NDArray[np.float32]:
    """What is true of the same pictures with left and right exchanged. Shapes: (n, f) both."""
    index = {fact: column for column, fact in enumerate(facts)}
    swapped = np.zeros_like(true)
    for fact, column in index.items():
        parts = re.split(r"(left|right)", fact)
        other = "".join({"left": "right", "right": "left"}.get(part, part) for part in parts)
        if other in index:
            swapped[:, index[other]] = true[:, column]
    return swapped
