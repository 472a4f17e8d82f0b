"""Entities of alerts: a head on MiniLM's token states, and patterns for what they know better."""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gpu_endpoint.models.alert_features import SIZE, Marks
from gpu_endpoint.models.alert_habits import HABITS, plausible
from gpu_endpoint.models.alert_rules import PATTERNS, Found, find_certain
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.minilm import SentenceEncoder
from gpu_endpoint.models.ports import Head, Task
from gpu_endpoint.models.sessions import open_session
from gpu_endpoint.models.spans import (
    Floats,
    Span,
    Stretch,
    TagScheme,
    answered,
    in_text,
    joints_of,
    log_chances,
    without_overlap,
)

EXAMPLE = ("[P2] p99 latency of checkout-api in eu-west-1 is 2.3s for 10m, see web-03",)
RULE_CONFIDENCE = 0.99
"""What a pattern finds is right so often: 0.985 on validation templates, 0.999 on held-out ones."""


@dataclass(frozen=True, slots=True)
class Item:
    """One window of a text, and what its pieces look like."""

    ids: list[int]
    offsets: list[tuple[int, int]]
    features: Floats
    joints: list[int]
    text: int


class AlertHead:
    """An ONNX head on token states: opened once, its labels and temperatures in its own metadata."""

    def __init__(self, config: ModelConfig, folder: Path, sentences: SentenceEncoder) -> None:
        self.model_id = config.id
        self.precision = config.precision
        self.dim = None
        patterns = [pattern.pattern for _, pattern in PATTERNS] + [pattern.pattern for pattern in HABITS]
        rules = hashlib.sha256("".join(patterns).encode()).hexdigest()[:6]
        self.revision = f"{config.revision()}-{rules}-{sentences.revision}"
        self._sentences = sentences
        self._session = open_session(config.file("head", folder), threads=1)
        self.about: dict[str, Any] = {
            name: json.loads(value)
            for name, value in self._session.get_modelmeta().custom_metadata_map.items()
        }

    def prepare_windows(self, texts: Sequence[str], *, most: int | None = None) -> list[Item]:
        """Each text in windows, at most so many of each."""
        items: list[Item] = []
        for index, text in enumerate(texts):
            marks = Marks(text)
            items += [
                Item(ids, offsets, marks.features(offsets), joints_of(text, offsets), index)
                for ids, offsets in self._sentences.prepare_windows(text)[:most]
            ]
        return items

    def run(self, items: Sequence[Item]) -> list[Floats]:
        """The head's outputs for a batch, padded to its longest window."""
        encoded = self._sentences.encode([item.ids for item in items])
        longest = max(len(item.ids) for item in items)
        states = np.zeros((len(items), longest, encoded[0].states.shape[1]), np.float32)
        features = np.zeros((len(items), longest, SIZE), np.float32)
        mask = np.zeros((len(items), longest), np.float32)
        for row, (item, one) in enumerate(zip(items, encoded, strict=True)):
            states[row, : len(item.ids)] = one.states
            features[row, : len(item.ids)] = item.features
            mask[row, : len(item.ids)] = 1
        outputs: list[Floats] = self._session.run(
            None, {"states": states, "features": features, "mask": mask}
        )
        return outputs


class AlertEntities(AlertHead):
    """Tags: prepare windows, forward to spans of tokens, finish to stretches of characters."""

    def __init__(self, config: ModelConfig, folder: Path, sentences: SentenceEncoder) -> None:
        super().__init__(config, folder, sentences)
        self._scheme = TagScheme(self.about["tags"])
        head = Head(
            task="tag_entities",
            lane="texts",
            prepare=self.prepare_windows,
            forward=self.forward,
            finish=finish,
            example=lambda: EXAMPLE,
            size=lambda item: len(item.ids),
            vectors=False,
        )
        self.tasks: dict[Task, Head] = {"tag_entities": head}

    def forward(self, items: Sequence[Item]) -> list[list[Span]]:
        """Spans of each window."""
        scores = log_chances(self.run(items)[0], self.about["temperature"])
        return [
            self._scheme.spans(scores[row, : len(item.ids)], item.joints) for row, item in enumerate(items)
        ]


def finish(
    texts: Sequence[str], items: Sequence[Item], rows: Sequence[Sequence[Span]]
) -> list[list[Mapping[str, object]]]:
    """The entities of each text."""
    answers = []
    for index, text in enumerate(texts):
        mine = [place for place, item in enumerate(items) if item.text == index]
        found = in_text([items[place].offsets for place in mine], [rows[place] for place in mine])
        answers.append(answered(text, with_certain(plausible(text, found), find_certain(text))))
    return answers


def with_certain(found: Sequence[Stretch], certain: Sequence[Found]) -> list[Stretch]:
    """A pattern's entity replaces what the model says there, unless the model's is the same and longer."""
    model = dict(enumerate(found))
    starts, ends = [one.start for one in found], [one.end for one in found]
    rules: list[Stretch] = []
    for rule in certain:
        there = range(bisect_right(ends, rule.start), bisect_left(starts, rule.end))
        over = [place for place in there if place in model]
        if not any(is_more(model[place], rule) for place in over):
            for place in over:
                del model[place]
            rules.append(Stretch(rule.label, rule.start, rule.end, RULE_CONFIDENCE, "rule"))
    return without_overlap([*model.values(), *rules])


def is_more(one: Stretch, rule: Found) -> bool:
    """Whether the model says the same of more characters."""
    more = one.end - one.start > rule.end - rule.start
    return more and one.label == rule.label and one.start <= rule.start and one.end >= rule.end
