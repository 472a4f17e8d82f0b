"""A second background: generic captions. Does the question describe its best frames better than they do?

A question about what no frame shows still has best frames, and they may stand out by chance or by leaning
towards something else ("a flooded street" towards rain). Other captions then describe those very frames
better. Over the best few frames it is counted how many captions score higher than the question (as cosines:
a model gives a text that fits more than one that does not), and measured how far the question makes those
frames stand out from the workspace's others. The more captions do better, the further they must stand out:
what else is there to see may describe them better too. And the further, the less the question says what a
caption says: of "a truck on the highway" every truck is one half. How far it is from all captions counts up
to a bound only, or no long question would ever be found. Source: judging a match from both sides is Smith et
al. 2017, "Offline bilingual word vectors" (inverted softmax), and Conneau et al. 2018 (CSLS); weight and bar
are ours (docs/search.md).
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
from sightline.vectors.calibration import MIN_SPREAD, Background

Vectors = NDArray[np.floating[Any]]

# Frames that are judged: the best of a search.
BEST_FRAMES = 5
# Spreads by which the frames must stand out, and more per e-fold of rivals times novelty, each with an offset
# for none. The weight is what `python -m benchmarks.verdict_learning` learns of drives 1 to 12; the bar is
# three and a half spreads below where a match is as likely as none: what is there and not found costs more
# than a false alarm.
BAR, PER_E_FOLD = 4.9, 8.7
HALF_A_RIVAL, NEAR = 0.5, 0.05
# Of novelty: more counts as so much.
FAR = 0.08
# Share of a normal distribution that lies more than one spread below its centre.
ONE_BELOW = 0.16


@dataclass(frozen=True, slots=True)
class Fit:
    """How well a question describes its best frames: rivals are captions that do better, of so many.

    novelty: how far the question is from the nearest caption, one minus their cosine.
    """

    rivals: float
    captions: int
    height: float
    novelty: float
    rival: str = ""
    """Of those captions, the one that stands out furthest, where that is as far as the question does."""

    @property
    def below(self) -> float:
        """Share of captions that describe them less well."""
        return 1 - self.rivals / self.captions

    @property
    def margin(self) -> float:
        """Spreads above what so many rivals ask for: from 0 on it holds its own."""
        return self.height - BAR - PER_E_FOLD * float(doubt_of(np.asarray(self.rivals), self.novelty))

    @property
    def objection(self) -> str:
        """What speaks against the question."""
        such_as = f', such as "{self.rival}"' if self.rival else ""
        return f"what stands out is described better by other words{such_as}"


@cache
def captions() -> tuple[str, ...]:
    """Short captions of roads and of everything else."""
    return tuple(files("sightline.vectors").joinpath("captions.txt").read_text().split("\n")[:-1])


@cache
def captions_hash() -> bytes:
    """Another list has other vectors."""
    return hashlib.sha256("\n".join(captions()).encode()).digest()


def doubt_of(rivals: Vectors, novelty: float) -> Vectors:
    """What speaks against a question, in e-folds. Shapes: rivals (n,); the same."""
    return np.asarray(np.log((rivals + HALF_A_RIVAL) * (min(novelty, FAR) + NEAR)))


def novelty_of(question: Vectors, bank: Vectors) -> float:
    """Of unit vectors. Shapes: question (dim,), bank (captions, dim)."""
    return max(0.0, 1 - float((bank @ question).max()))


def fit_of(question: Vectors, frames: Vectors, *, bank: Vectors, null: Background, captioned: Vectors) -> Fit:
    """null: how the question scores other frames; captioned: how the captions score a sample of those.

    Shapes: question (dim,), frames (n, dim), bank (captions, dim), captioned (m, captions).
    """
    scores, others = frames @ question, frames @ bank.T
    rivals = (others > scores[:, None]).sum(axis=1).mean()
    means, height = others.mean(axis=0), float(scores.mean())
    (better,) = np.nonzero(means > height + MIN_SPREAD)
    heights = _heights(means[better], captioned[:, better])
    # "a clear sunny day" fits all frames of a day: what stands out less than the question explains nothing.
    told = len(better) and heights.max() >= null.z(height)
    rival = captions()[int(better[heights.argmax()])] if told else ""
    novelty = novelty_of(question, bank)
    return Fit(float(rivals), captions=len(bank), height=null.z(height), novelty=novelty, rival=rival)


def _heights(means: Vectors, typical: Vectors) -> Vectors:
    """How many spreads each caption stands out. Shapes: means (n,), typical (m, n); (n,)."""
    low, centre = np.quantile(typical, (ONE_BELOW, 0.5), axis=0)
    return np.asarray((means - centre) / np.maximum(centre - low, MIN_SPREAD))


def margins_of(question: Vectors, frames: Vectors, *, bank: Vectors, null: Background) -> Vectors:
    """The margin of each frame taken alone.

    Shapes: question (dim,), frames (n, dim), bank (captions, dim); (n,).
    """
    scores = frames @ question
    rivals = (frames @ bank.T > scores[:, None]).sum(axis=1)
    heights = (scores - null.centre) / null.spread
    return heights - BAR - PER_E_FOLD * doubt_of(rivals, novelty_of(question, bank))


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
