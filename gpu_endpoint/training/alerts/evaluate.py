"""The served models on alerts of held-out templates and vendors.

`python -m gpu_endpoint.training.alerts.evaluate` prints the figures of the model cards.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gpu_endpoint.models.config import CONFIGS, read_config
from gpu_endpoint.models.families import Loading, load_model
from gpu_endpoint.training.alerts.calibrate import calibration_error
from gpu_endpoint.training.alerts.compose import Alert, Composer
from gpu_endpoint.training.alerts.templates import APART, Split

BUILD = Path(__file__).parents[3] / "build" / "training"
SEED = 9001
BATCH = 32


@dataclass
class EntityScore:
    """Exact spans: the same label and the very same characters."""

    right: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    true: Counter[str] = field(default_factory=Counter)
    sure: list[float] = field(default_factory=list)
    hits: list[bool] = field(default_factory=list)
    rules: Counter[bool] = field(default_factory=Counter)

    def add(self, alert: Alert, found: Sequence[Mapping[str, Any]]) -> None:
        """One alert; versions, which only a rule finds, do not count."""
        true = set(alert.spans)
        self.true.update(label for _, _, label in true)
        for one in found:
            if one["label"] == "version":
                continue
            hit = (one["start"], one["end"], one["label"]) in true
            self.said[one["label"]] += 1
            self.right[one["label"]] += hit
            if one["source"] == "rule":
                self.rules[hit] += 1
            else:
                self.sure.append(one["confidence"])
                self.hits.append(hit)

    def f1(self, label: str | None = None) -> float:
        """Of one label, or over all entities."""
        right, said, true = (
            counter[label] if label else counter.total() for counter in (self.right, self.said, self.true)
        )
        return 2 * right / max(1, said + true)

    def figures(self) -> dict[str, Any]:
        """All of it."""
        return {
            "f1": round(self.f1(), 4),
            "labels": {label: round(self.f1(label), 3) for label in sorted(self.true)},
            "calibration_error": round(calibration_error(self.sure, self.hits), 4),
            "rule_precision": round(self.rules[True] / max(1, self.rules.total()), 4),
            "entities": self.true.total(),
        }


def class_figures(truth: Sequence[str], said: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Of one axis: accuracy, the mean F1 of its labels, and the calibration."""
    answers = [one["label"] for one in said]
    pairs = list(zip(truth, answers, strict=True))
    scores = {}
    for label in sorted(set(truth)):
        right = sum(true == answer == label for true, answer in pairs)
        scores[label] = 2 * right / max(1, truth.count(label) + answers.count(label))
    hits = [true == answer for true, answer in pairs]
    return {
        "macro_f1": round(sum(scores.values()) / len(scores), 4),
        "accuracy": round(sum(hits) / len(hits), 4),
        "labels": {label: round(score, 3) for label, score in scores.items()},
        "calibration_error": round(calibration_error([one["confidence"] for one in said], hits), 4),
    }


def answers_of(task: Any, model: Any, texts: Sequence[str]) -> list[Any]:
    """What the served model answers."""
    head = model.tasks[task]
    items = head.prepare(texts)
    answers: list[Any] = head.finish(texts, items, head.forward(items))
    return answers


def measure(
    split: Split, count: int, models: Mapping[str, Any], *, known_names: bool = False
) -> dict[str, Any]:
    """Both models on so many alerts of a split; `known_names`: without names that training never saw."""
    composer = Composer(split, seed=SEED)
    composer.kept = composer.kept and not known_names
    alerts = sorted(composer.alerts(count), key=lambda alert: len(alert.text))
    score, classes = EntityScore(), []
    for start in range(0, count, BATCH):
        part = alerts[start : start + BATCH]
        texts = [alert.text for alert in part]
        for alert, found in zip(part, answers_of("tag_entities", models["entities"], texts), strict=True):
            score.add(alert, found)
        classes += answers_of("classify", models["classes"], texts)
    return {
        "alerts": count,
        "entities": score.figures(),
        "severity": class_figures([alert.severity for alert in alerts], [one["severity"] for one in classes]),
        "category": class_figures([alert.category for alert in alerts], [one["category"] for one in classes]),
    }


def served_models(home: Path) -> dict[str, Any]:
    """As the endpoint loads them."""
    loading = Loading(home=home, threads=1, folder=CONFIGS)
    return {name: load_model(read_config(f"alert-{name}"), loading) for name in ("entities", "classes")}


def main() -> None:
    """Prints the figures as JSON."""
    parser = argparse.ArgumentParser(description="Measure the alert models.")
    parser.add_argument("--alerts", type=int, default=2000, help="of each split")
    options = parser.parse_args()
    models = served_models(BUILD)
    splits: tuple[Split, ...] = ("validation", "test", *APART, "vendor")
    figures = {split: measure(split, options.alerts, models) for split in splits}
    known = measure("test", options.alerts, models, known_names=True)
    print(json.dumps(figures | {"test, known names": known}, indent=1))


if __name__ == "__main__":
    main()
