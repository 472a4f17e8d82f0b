"""What the inference endpoint answers besides vectors: the entities and the classes of alert texts."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sightline.contracts.inference import ModelHeader, Shape


class Entity(Shape):
    """A stretch of a text that names something; offsets count its Unicode characters, `end` exclusive."""

    label: str
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    text: str
    confidence: float = Field(ge=0, le=1)
    source: Literal["model", "rule"]


class EntitiesAnswer(ModelHeader):
    """Per text its entities: sorted by start, never overlapping."""

    entities: list[list[Entity]]


class Judgement(Shape):
    """The class of a text on one axis, such as severity; the scores sum to 1."""

    label: str
    confidence: float = Field(ge=0, le=1)
    scores: dict[str, float]


class ClassesAnswer(ModelHeader):
    """Per text its class on each axis."""

    classes: list[dict[str, Judgement]]
