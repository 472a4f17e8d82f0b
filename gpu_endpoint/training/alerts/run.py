"""Train the alert models from nothing: `python -m gpu_endpoint.training.alerts.run`, twenty idle minutes.

Writes alerts, computes their token states once, trains three heads of each kind, calibrates them on
validation templates, exports to gpu_endpoint/models/weights and rewrites the configs. The figures:
alerts/evaluate.py.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np
import torch

from gpu_endpoint.models.minilm import load_sentence_encoder
from gpu_endpoint.models.spans import joints_of
from gpu_endpoint.training.alerts.calibrate import class_temperature, entity_temperature
from gpu_endpoint.training.alerts.compose import Composer
from gpu_endpoint.training.alerts.evaluate import BUILD
from gpu_endpoint.training.alerts.export import export_classes, export_entities
from gpu_endpoint.training.alerts.states import StateSet, cached_states
from gpu_endpoint.training.alerts.train import Plan, logits_of, train_classes, train_entities

ALERTS, VALIDATION = 40000, 2000
SEED = 0
ENTITY_PLAN = Plan(epochs=2, rate=2e-3)
CLASS_PLAN = Plan(epochs=2, rate=1e-3)


def entities(alerts: StateSet, validation: StateSet, joints: Sequence[list[int]]) -> None:
    """The head for entities, into the repository."""
    head = train_entities(alerts, ENTITY_PLAN)
    said = [outputs[0] for outputs in logits_of(head, validation)]
    export_entities(head, entity_temperature(said, validation, joints))


def classes(alerts: StateSet, validation: StateSet) -> None:
    """The head for severity and category, into the repository."""
    head = train_classes(alerts, CLASS_PLAN)
    said = logits_of(head, validation)
    truth = {"severity": validation.severities, "category": validation.categories}
    temperatures = {
        axis: class_temperature(np.stack([outputs[place] for outputs in said]), truth[axis])
        for place, axis in enumerate(truth)
    }
    export_classes(head, temperatures)


def main() -> None:
    """All steps."""
    parser = argparse.ArgumentParser(description="Train and export the alert models.")
    parser.add_argument("--alerts", type=int, default=ALERTS)
    parser.add_argument(
        "--heads", nargs="+", choices=("entities", "classes"), default=["entities", "classes"]
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    encoder = load_sentence_encoder(BUILD)
    alerts = cached_states(BUILD, "train", options.alerts, seed=SEED, encoder=encoder)
    validation = cached_states(BUILD, "validation", VALIDATION, seed=SEED, encoder=encoder)
    if "entities" in options.heads:
        written = Composer("validation", seed=SEED).alerts(VALIDATION)
        windows = [encoder.prepare_windows(alert.text)[0] for alert in written]
        pairs = zip(written, windows, strict=True)
        entities(alerts, validation, [joints_of(alert.text, window.offsets) for alert, window in pairs])
    if "classes" in options.heads:
        classes(alerts, validation)
    print("now: python -m gpu_endpoint.training.alerts.evaluate")


if __name__ == "__main__":
    main()
