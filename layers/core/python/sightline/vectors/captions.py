"""A second background: generic captions. Does the question describe its best frames better than they do?

A question about what no frame shows still has best frames, and they may stand out by chance or by leaning
towards something else ("a flooded street" towards rain). Other captions then describe those very frames
better. Two figures say so, over the best few frames: the share of captions that score lower than the
question (as cosines: a model gives a text that fits more than one that does not), and how far the question
stands ahead of the fifth best caption, each measured in its own spread over the workspace's frames (some
texts score high on everything). Source: judging a match from both sides is Smith et al. 2017, "Offline
bilingual word vectors" (inverted softmax), and Conneau et al. 2018 (CSLS); these figures and bars are ours,
measured by benchmarks/retrieval.py.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from sightline.database import Connection
from sightline.vectors.calibration import lower_half_fit

Vectors = NDArray[np.floating[Any]]

# Synonyms of the question among the captions do as well as it does: a handful is allowed for.
RIVAL = 5
# Frames that are judged: the best of a search.
BEST_FRAMES = 5
# At 753 of 1,000 questions with a match kept, 162 of 1,000 without one pass (tuned on drives 1 to 12; other
# drives and other words are in docs/benchmarks.md).
MIN_BELOW, MIN_AHEAD = 0.9, -0.5


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a question describes its best frames beside the captions."""

    below: float
    ahead: float

    @property
    def good(self) -> bool:
        """Whether it holds its own."""
        return self.below >= MIN_BELOW and self.ahead >= MIN_AHEAD


@cache
def captions() -> tuple[str, ...]:
    """Short captions of roads and of everything else."""
    return tuple(files("sightline.vectors").joinpath("captions.txt").read_text().split("\n")[:-1])


@cache
def captions_hash() -> bytes:
    """Another list has other vectors."""
    return hashlib.sha256("\n".join(captions()).encode()).digest()


def fit_of(question: Vectors, frames: Vectors, *, bank: Vectors, background: Vectors) -> Fit:
    """Shapes: question (dim,), frames (n, dim), bank (captions, dim), background (m, dim)."""
    texts = np.concatenate([question[None, :], bank]).astype(np.float32)
    centres, spreads = lower_half_fit(np.sort(background @ texts.T, axis=0))
    scores = frames @ texts.T
    heights = (scores - centres) / spreads
    rivals = np.sort(heights[:, 1:], axis=1)[:, -RIVAL]
    below = (scores[:, 1:] < scores[:, :1]).mean()
    return Fit(below=float(below), ahead=float((heights[:, 0] - rivals).mean()))


def kept_bank(conn: Connection, *, model_id: str, dim: int) -> NDArray[np.float32] | None:
    """The captions' vectors; None while nobody has asked the model for them. Shapes: (captions, dim)."""
    row = conn.execute(
        "SELECT vectors FROM caption_bank WHERE (model_id, dim, captions_hash) = (%s, %s, %s)",
        (model_id, dim, captions_hash()),
    ).fetchone()
    if row is None:
        return None
    return np.stack([vector.to_numpy() for vector in row["vectors"]]).astype(np.float32)


def keep_bank(conn: Connection, *, model_id: str, dim: int, vectors: Sequence[Vectors]) -> None:
    """Keeps the captions' vectors for every process; the first to come stay."""
    conn.execute(
        "SELECT app.keep_captions(%s, %s, %s, %s)",
        (model_id, dim, captions_hash(), [HalfVector(np.asarray(vector)) for vector in vectors]),
    )
