"""Alerts as the heads see them: token states of the served encoder, features and tags, computed once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from gpu_endpoint.models.alert_features import SIZE, Marks
from gpu_endpoint.models.minilm import SentenceEncoder, Window
from gpu_endpoint.training.alerts.compose import Alert, Composer
from gpu_endpoint.training.alerts.templates import CATEGORIES, FOLDER, SEVERITIES, Split

ENTITIES = (
    "service",
    "host",
    "environment",
    "region",
    "error_code",
    "metric",
    "threshold",
    "duration",
    "resource",
    "team",
    "person",
)
TAGS = ("O", *(f"{mark}-{label}" for label in ENTITIES for mark in "BI"))
BATCH = 32
STATE = 768


@dataclass(frozen=True)
class StateSet:
    """Alerts in a row: alert i is rows starts[i] to starts[i + 1].

    Shapes: states (tokens, 768) float16, features (tokens, SIZE) uint8, tags (tokens,), embeddings (n, 384).
    """

    states: npt.NDArray[np.float16]
    features: npt.NDArray[np.uint8]
    tags: npt.NDArray[np.int64]
    starts: npt.NDArray[np.int64]
    embeddings: npt.NDArray[np.float32]
    severities: npt.NDArray[np.int64]
    categories: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts) - 1


def tags_of(window: Window, spans: Sequence[tuple[int, int, str]]) -> list[int]:
    """The tag of each piece: B- where an entity begins, I- inside, O elsewhere."""
    tags = []
    for start, end in window.offsets:
        inside = next((span for span in spans if end > start and start < span[1] and end > span[0]), None)
        tags.append(0 if inside is None else TAGS.index(f"{'B' if start <= inside[0] else 'I'}-{inside[2]}"))
    return tags


def build_states(alerts: Sequence[Alert], encoder: SentenceEncoder) -> StateSet:
    """All of them; only the first window of a long text is used."""
    windows = [encoder.prepare_windows(alert.text)[0] for alert in alerts]
    lengths = [len(window.ids) for window in windows]
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    states = np.empty((starts[-1], STATE), np.float16)
    features = np.empty((starts[-1], SIZE), np.uint8)
    embeddings = np.empty((len(alerts), 384), np.float32)
    order = sorted(range(len(alerts)), key=lambda index: lengths[index])
    for begin in range(0, len(order), BATCH):
        rows = order[begin : begin + BATCH]
        for row, encoded in zip(rows, encoder.encode([windows[row].ids for row in rows]), strict=True):
            states[starts[row] : starts[row + 1]], embeddings[row] = encoded.states, encoded.embedding
    for row, (alert, window) in enumerate(zip(alerts, windows, strict=True)):
        features[starts[row] : starts[row + 1]] = Marks(alert.text).features(window.offsets)
    tags = [
        tag for alert, window in zip(alerts, windows, strict=True) for tag in tags_of(window, alert.spans)
    ]
    return StateSet(
        states,
        features,
        np.array(tags, np.int64),
        starts,
        embeddings,
        np.array([SEVERITIES.index(alert.severity) for alert in alerts]),
        np.array([CATEGORIES.index(alert.category) for alert in alerts]),
    )


def fingerprint(encoder: SentenceEncoder) -> str:
    """Changes whenever templates, values, features or the encoder do."""
    digest = hashlib.sha256(encoder.revision.encode())
    here = sorted([*Path(__file__).parent.glob("*.py"), *FOLDER.rglob("*.txt")])
    models = Path(__file__).parents[2] / "models"
    for path in [*here, models / "alert_features.py", models / "alert_rules.py"]:
        if path.name not in (
            "heads.py",
            "train.py",
            "evaluate.py",
            "export.py",
            "run.py",
            "calibrate.py",
            "card.py",
        ):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def cached_states(folder: Path, split: Split, count: int, *, seed: int, encoder: SentenceEncoder) -> StateSet:
    """The states of generated alerts, from the folder where they were computed before."""
    path = folder / f"alerts-{split}-{count}-{seed}-{fingerprint(encoder)}"
    if not (path / "done.json").exists():
        path.mkdir(parents=True, exist_ok=True)
        built = build_states(Composer(split, seed=seed).alerts(count), encoder)
        for name, value in vars(built).items():
            np.save(path / f"{name}.npy", value)
        (path / "done.json").write_text(json.dumps({"alerts": count}))
    return StateSet(
        **{
            name: np.load(path / f"{name}.npy", mmap_mode="r" if name == "states" else None)
            for name in StateSet.__dataclass_fields__
        }
    )
