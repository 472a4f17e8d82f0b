"""A question as vectors: every part of a step becomes one direction, so that the graph can rank by it."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from sightline.scenarios.answers import SearchModel
from sightline.vectors.calibration import MIN_SAMPLE, Background

Vector = NDArray[np.floating[Any]]

# A frame shows what it must not when it stands this many spreads above a typical frame. Of twelve rendered
# drives and 20 things that may be on them, that left out 81 % of the frames that showed one, and 3 % of those
# that did not; at 1.6 it is 86 % and 5 %, at 2.6 71 % and 1 %.
NOT_Z = 2.0


@dataclass(frozen=True, slots=True)
class Leg:
    """One part of a step. A concept also has the bias of its classifier, and the length of its weights."""

    vector: Vector
    weight: float = 1.0
    bias: float | None = None


@dataclass(frozen=True, slots=True)
class Barred:
    """What frames must not show: those that score at least the bar."""

    vector: HalfVector
    bar: float


@dataclass(frozen=True, slots=True)
class Direction:
    """What one step's frames are ranked by, and what leaves them out.

    scale, bias: of a concept asked for alone, so that sigmoid(scale * score + bias) is its confidence.
    """

    vector: HalfVector
    without: tuple[Barred, ...] = ()
    scale: float | None = None
    bias: float | None = None

    def confidence(self, score: float) -> float | None:
        """What the concept's classifier says of a frame; None where no concept was asked for alone."""
        if self.scale is None or self.bias is None:
            return None
        return float(1 / (1 + np.exp(-np.clip(self.scale * score + self.bias, -30, 30))))


@dataclass(frozen=True, slots=True)
class Composed:
    """A whole question: its model, and a direction for each step."""

    model: SearchModel
    steps: tuple[Direction, ...]

    def as_json(self) -> dict[str, Any]:
        """What is recorded; vectors as base64 of little-endian float16."""
        return {"model": self.model.model_dump(), "steps": [_packed(step) for step in self.steps]}

    @classmethod
    def of(cls, kept: dict[str, Any]) -> Self:
        """A recorded question."""
        return cls(SearchModel(**kept["model"]), tuple(_unpacked(step) for step in kept["steps"]))


def direction(legs: Sequence[Leg], without: Sequence[Vector], background: Vector) -> Direction:
    """All legs as one unit vector: each is measured in its own spread over the background, then weighed.

    Cosines of texts and of pictures lie in different ranges (0.2 to 0.3 and 0.6 to 0.9), so that a plain sum
    would follow the pictures alone. Source: Montague & Aslam 2001, "Relevance score normalization for
    metasearch" (zero mean, unit variance). Negative weights: Rocchio 1971.

    Shapes: background (n, dim).
    """
    barred = tuple(_barred(unit(vector), background) for vector in without) if len(background) else ()
    if len(legs) == 1:
        (leg,) = legs
        length = float(np.linalg.norm(leg.vector)) if leg.bias is not None else None
        return Direction(HalfVector(unit(leg.vector)), barred, length, leg.bias)
    mixed = np.sum([leg.weight / _spread(unit(leg.vector), background) * unit(leg.vector) for leg in legs], 0)
    return Direction(HalfVector(unit(mixed)), barred)


def background_of(step: Direction, background: Vector) -> Background:
    """How a step scores frames that do not match it."""
    return Background.of((background @ as_array(step.vector)).tolist())


def unit(vector: Vector) -> NDArray[np.float32]:
    """At length 1."""
    long = np.asarray(vector, np.float32)
    return np.asarray(long / max(float(np.linalg.norm(long)), 1e-12), np.float32)


def as_array(vector: HalfVector) -> NDArray[np.float32]:
    """For arithmetic."""
    return np.asarray(vector.to_numpy(), np.float32)


def _barred(vector: Vector, background: Vector) -> Barred:
    null = Background.of((background @ vector).tolist())
    bar = null.centre + NOT_Z * null.spread if null.size >= MIN_SAMPLE else 2.0
    return Barred(HalfVector(vector), bar)


def _spread(vector: Vector, background: Vector) -> float:
    """1 where there are too few frames to tell."""
    null = Background.of((background @ vector).tolist())
    return null.spread if null.size >= MIN_SAMPLE else 1.0


def _packed(step: Direction) -> dict[str, Any]:
    without = [{"vector": pack(one.vector), "bar": one.bar} for one in step.without]
    return {"vector": pack(step.vector), "without": without, "scale": step.scale, "bias": step.bias}


def _unpacked(kept: dict[str, Any]) -> Direction:
    without = tuple(Barred(unpack(one["vector"]), one["bar"]) for one in kept["without"])
    return Direction(unpack(kept["vector"]), without, kept["scale"], kept["bias"])


def pack(vector: HalfVector) -> str:
    """Base64 of little-endian float16."""
    return base64.b64encode(vector.to_numpy().astype("<f2").tobytes()).decode()


def unpack(text: str) -> HalfVector:
    """The vector again."""
    return HalfVector(np.frombuffer(base64.b64decode(text), "<f2"))
