"""Severity, category and team of alerts: a head on MiniLM's token states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gpu_endpoint.models.alert_entities import EXAMPLE, AlertHead, Item
from gpu_endpoint.models.alert_habits import severities
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.minilm import SentenceEncoder
from gpu_endpoint.models.ports import Head, Task
from gpu_endpoint.models.spans import log_chances

Scores = dict[str, dict[str, float]]


class AlertClasses(AlertHead):
    """Classes: an alert's first window says enough."""

    def __init__(self, config: ModelConfig, folder: Path, sentences: SentenceEncoder) -> None:
        super().__init__(config, folder, sentences)
        head = Head(
            task="classify",
            lane="texts",
            prepare=lambda texts: self.prepare_windows(texts, most=1),
            forward=self.forward,
            finish=self.finish,
            example=lambda: EXAMPLE,
            size=lambda item: len(item.ids),
            vectors=False,
        )
        self.tasks: dict[Task, Head] = {"classify": head}

    def forward(self, items: Sequence[Item]) -> list[Scores]:
        """The chances of each axis' labels, one answer per text."""
        axes = self.about["axes"]
        chances = {
            axis: np.exp(log_chances(logits, self.about["temperatures"][axis])).tolist()
            for axis, logits in zip(axes, self.run(items), strict=True)
        }
        return [
            {axis: dict(zip(labels, chances[axis][row], strict=True)) for axis, labels in axes.items()}
            for row in range(len(items))
        ]

    def finish(self, texts: Sequence[str], _items: Sequence[Item], rows: Sequence[Scores]) -> list[Any]:
        """Label, confidence and all scores of each axis."""
        return [self._judged(text, scores) for text, scores in zip(texts, rows, strict=True)]

    def _judged(self, text: str, scores: Scores) -> dict[str, Any]:
        teams: dict[str, float] = {}
        for category, chance in scores["category"].items():
            team = self.about["teams"][category]
            teams[team] = teams.get(team, 0.0) + chance
        known = scores | {"severity": severities(text, scores["severity"]), "team": teams}
        return {axis: judgement(chances) for axis, chances in known.items()}


def judgement(scores: dict[str, float]) -> dict[str, Any]:
    """The likeliest label, how likely it is, and all of them."""
    label = max(scores, key=scores.__getitem__)
    return {
        "label": label,
        "confidence": round(scores[label], 4),
        "scores": {name: round(chance, 4) for name, chance in scores.items()},
    }
