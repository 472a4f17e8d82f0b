"""Storms as grouping sees them, without a database: each alert's row and its truth.

What `settling.settle` makes of deliveries, in memory, so that a rule is tried on many storms in seconds;
`benchmarks.grouping` plays the same storms through the real thing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np

from benchmarks.report import BUILD
from client.storm import StormAlert
from client.storm.weather import BEGAN
from gpu_endpoint.models.config import CONFIGS, read_config
from gpu_endpoint.models.families import Loading, load_model
from gpu_endpoint.models.minilm import load_sentence_encoder
from sightline.contracts.inference_answers import Entity, Judgement
from sightline.incidents import rules
from sightline.incidents.judging import NAMED, Judges, Verdict
from sightline.incidents.schemas import NewAlert
from sightline.incidents.senders import sender
from sightline.ports.inference import Embedding

BATCH = 32
HEADS = ("classes", "entities")


@dataclass
class Heard:
    """One alert, from its first delivery to its recovery."""

    row: dict[str, Any]
    truth: str
    noise: bool
    monitor: str


class Here:
    """The bundled models in this process, as the endpoint serves them."""

    def __init__(self) -> None:
        home = BUILD / "models"
        home.mkdir(parents=True, exist_ok=True)
        loading = Loading(home=home, threads=1, folder=CONFIGS)
        self._heads = {name: load_model(read_config(f"alert-{name}"), loading).tasks for name in HEADS}
        self._encoder = load_sentence_encoder(home)

    def classify(self, texts: Sequence[str], **_within: float) -> list[dict[str, Judgement]]:
        found = self._asked("classes", "classify", texts)
        return [{axis: Judgement(**one) for axis, one in axes.items()} for axes in found]

    def tag(self, texts: Sequence[str], **_within: float) -> list[list[Entity]]:
        return [[Entity(**one) for one in found] for found in self._asked("entities", "tag_entities", texts)]

    def embed_texts(self, texts: Sequence[str], **_within: float) -> Embedding:
        vectors = np.asarray(self._encoder(texts), dtype=np.float16)
        return Embedding(model_id="all-minilm-l6-v2", revision="1", dim=vectors.shape[1], vectors=vectors)

    def _asked(self, name: str, task: Any, texts: Sequence[str]) -> list[Any]:
        head = self._heads[name][task]
        items = head.prepare(texts)
        answers: list[Any] = head.finish(texts, items, head.forward(items))
        return answers


def judges() -> Judges:
    """Without an endpoint."""
    models = Here()
    return Judges(classifier=models, tagger=models, embedder=models)


def heard(storm: Sequence[StormAlert], judges: Judges) -> list[Heard]:
    """A storm's alerts in the order of their arrival."""
    read = [(one, alert) for one in storm for alert in sender(one.vendor).read(one.payload, one.headers)]
    verdicts = _verdicts([alert for _, alert in read if not alert.recovered], judges)
    desk = _Desk(verdicts)
    for delivered, alert in read:
        desk.take(delivered, alert)
    return sorted(
        desk.heard, key=lambda one: (one.row["occurred_at"], one.row["source_id"], one.row["external_id"])
    )


def _said(alert: NewAlert) -> tuple[str, ...]:
    return alert.title, alert.description, alert.severity or ""


def _verdicts(alerts: Sequence[NewAlert], judges: Judges) -> dict[tuple[str, ...], Verdict]:
    once = list({_said(alert): alert for alert in alerts}.values())
    found: dict[tuple[str, ...], Verdict] = {}
    for start in range(0, len(once), BATCH):
        batch = once[start : start + BATCH]
        found |= {_said(alert): one for alert, one in zip(batch, judges.judge(batch), strict=True)}
    return found


class _Desk:
    """Which alert a delivered one is, as settling has it."""

    def __init__(self, verdicts: Mapping[tuple[str, ...], Verdict]) -> None:
        self.heard: list[Heard] = []
        self._verdicts = verdicts
        self._latest: dict[tuple[str, str], Heard] = {}
        self._over: dict[tuple[str, str], datetime] = {}

    def take(self, delivered: StormAlert, alert: NewAlert) -> None:
        at = alert.occurred_at or BEGAN + timedelta(seconds=delivered.at_s)
        name = (delivered.vendor, alert.external_id)
        known = self._latest.get(name) or self._same(delivered.vendor, alert)
        if alert.recovered:
            if known and known.row["status"] == "firing" and at >= known.row["last_occurred_at"]:
                known.row |= {"status": "recovered", "recovered_at": at}
            self._over[name] = max(at, self._over.get(name, at))
        elif known and (known.row["status"] == "firing" or at <= known.row["recovered_at"]):
            self._again(known, at)
        else:
            self._new(delivered, alert, at)

    def _same(self, vendor: str, alert: NewAlert) -> Heard | None:
        said = rules.fingerprint(alert)
        found = (one for one in reversed(self.heard) if one.row["status"] == "firing")
        return next(
            (one for one in found if (one.row["platform"], one.row["fingerprint"]) == (vendor, said)), None
        )

    def _again(self, known: Heard, at: datetime) -> None:
        known.row["last_occurred_at"] = max(at, known.row["last_occurred_at"])
        known.row["occurred_at"] = min(at, known.row["occurred_at"])

    def _new(self, delivered: StormAlert, alert: NewAlert, at: datetime) -> None:
        verdict = self._verdicts[_said(alert)]
        over = self._over.get((delivered.vendor, alert.external_id))
        ended = over if over is not None and over > at else None
        labels: dict[str, Any] = {}
        for axis, label in verdict.labels.items():
            labels |= {axis: label.label, f"{axis}_by": label.by, f"{axis}_confidence": label.confidence}
        row = {
            "id": UUID(int=len(self.heard)),
            "source_id": delivered.vendor,
            "incident_id": None,
            "held": False,
            "vector": verdict.vector,
            "platform": delivered.vendor,
            "external_id": alert.external_id,
            "fingerprint": rules.fingerprint(alert),
            "title": alert.title,
            "description": alert.description,
            **labels,
            "entities": list(verdict.entities),
            **{name: getattr(alert, name) or verdict.named(name) for name in NAMED},
            "occurred_at": at,
            "last_occurred_at": at,
            "recovered_at": ended,
            "status": "recovered" if ended else "firing",
        }
        one = Heard(
            row=row,
            truth=delivered.truth or f"noise {delivered.monitor}",
            noise=delivered.truth is None,
            monitor=delivered.monitor,
        )
        self.heard.append(one)
        self._latest[delivered.vendor, alert.external_id] = one
