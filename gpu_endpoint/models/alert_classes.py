"""Severity, category and team of alerts: a head on MiniLM's token states."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gpu_endpoint.models.alert_entities import EXAMPLE, AlertHead, Item
from gpu_endpoint.models.config import ModelConfig
from gpu_endpoint.models.minilm import SentenceEncoder
from gpu_endpoint.models.ports import Head, Task
from gpu_endpoint.models.spans import log_chances


class AlertClasses(AlertHead):
    """Classes: an alert's first window says enough."""

    def __init__(self, config: ModelConfig, folder: Path, sentences: SentenceEncoder) -> None:
        super().__init__(config, folder, sentences)
        head = Head(
            task="classify",
            lane="texts",
            prepare=lambda texts: self.prepare_windows(texts, most=1),
            forward=self.forward,
            finish=lambda _texts, _items, rows: list(rows),
            example=lambda: EXAMPLE,
            size=lambda item: len(item.ids),
            vectors=False,
        )
        self.tasks: dict[Task, Head] = {"classify": head}

    def forward(self, items: Sequence[Item]) -> list[dict[str, Any]]:
        """One answer per text: label, confidence and all scores of each axis."""
        axes = self.about["axes"]
        chances = {
            axis: np.exp(log_chances(logits, self.about["temperatures"][axis]))
            for axis, logits in zip(axes, self.run(items), strict=True)
        }
        return [
            self._judged({axis: chances[axis][row].tolist() for axis in axes}) for row in range(len(items))
        ]

    def _judged(self, chances: dict[str, list[float]]) -> dict[str, Any]:
        scores = {
            axis: dict(zip(self.about["axes"][axis], rows, strict=True)) for axis, rows in chances.items()
        }
        teams: dict[str, float] = {}
        for category, chance in scores["category"].items():
            team = self.about["teams"][category]
            teams[team] = teams.get(team, 0.0) + chance
        return {axis: judgement(known) for axis, known in {**scores, "team": teams}.items()}


def judgement(scores: dict[str, float]) -> dict[str, Any]:
    """The likeliest label, how likely it is, and all of them."""
    label = max(scores, key=scores.__getitem__)
    return {
        "label": label,
        "confidence": round(scores[label], 4),
        "scores": {name: round(chance, 4) for name, chance in scores.items()},
    }
