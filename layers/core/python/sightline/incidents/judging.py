"""How bad an alert is, what it is about and whose it is: by a model, or by rules when no model answers."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, get_args

from pgvector import HalfVector

from sightline.errors import SightlineError
from sightline.incidents import rules
from sightline.incidents.grouping.names import words_of
from sightline.incidents.schemas import Category, NewAlert, Severity, Team
from sightline.ports.inference import Classifier, EntityTagger, TimedEmbedder
from sightline.settings import get_settings
from sightline.telemetry import logger

MAX_JUDGED_CHARS = 2000
"""Of an alert's text: what matters is said at once, and logs are pasted below."""
SURE = 0.7
"""Confidence from which an entity says what the sender's fields do not."""
AXES: Mapping[str, tuple[str, ...]] = {
    "severity": get_args(Severity),
    "category": get_args(Category),
    "team": get_args(Team),
}
NAMED = ("service", "host", "environment", "region")
DIM = 384
"""Of the vectors that alerts keep; those of a model with another are left out."""
JUDGED_WITHIN_S, EACH_S = 5.0, 0.1
"""What asking about one delivery may take, and how much more for each of its alerts. A function works on ten
deliveries in 60 s: where models are slow or hang, rules judge, and nothing is read twice for want of time."""


@dataclass(frozen=True, slots=True)
class Label:
    """One judgement. by: a model's id, `rule` or `sender`; a sender's own word has no confidence."""

    label: str
    by: str
    confidence: float | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """All that is judged about one alert."""

    labels: Mapping[str, Label]
    entities: Sequence[Mapping[str, Any]]
    degraded: bool
    vector: HalfVector | None = None

    def named(self, label: str) -> str | None:
        """The surest entity of a label, where it is sure enough."""
        found = [one for one in self.entities if one["label"] == label and one["confidence"] >= SURE]
        return max(found, key=lambda one: float(one["confidence"]))["text"] if found else None


@dataclass(frozen=True, slots=True)
class Judges:
    """The models that are asked."""

    classifier: Classifier
    tagger: EntityTagger
    embedder: TimedEmbedder

    def judge(self, alerts: Sequence[NewAlert]) -> list[Verdict]:
        """One verdict per alert; rules answer when the models do not."""
        texts = [text_of(alert) for alert in alerts]
        if not texts:
            return []
        until = time.monotonic() + JUDGED_WITHIN_S + EACH_S * len(texts)
        # First: the encoder's work then serves the vectors too.
        verdicts = self._verdicts(alerts, texts, until)
        return [
            replace(verdict, vector=vector)
            for verdict, vector in zip(verdicts, self._vectors(alerts, until), strict=True)
        ]

    def _verdicts(self, alerts: Sequence[NewAlert], texts: Sequence[str], until: float) -> list[Verdict]:
        try:
            classes = self.classifier.classify(texts, within_s=until - time.monotonic())
            entities = self.tagger.tag(texts, within_s=until - time.monotonic())
        except SightlineError as error:
            logger.warning("alerts judged by rules", code=error.slug, alerts=len(texts))
            return [by_rules(alert) for alert in alerts]
        return [
            _verdict(alert, judged, found)
            for alert, judged, found in zip(alerts, classes, entities, strict=True)
        ]

    def _vectors(self, alerts: Sequence[NewAlert], until: float) -> Sequence[HalfVector | None]:
        """None while no model answers: grouping then goes by what alerts share."""
        texts = [words_of(alert.title, alert.description) for alert in alerts]
        try:
            embedding = self.embedder.embed_texts(texts, within_s=until - time.monotonic())
        except SightlineError as error:
            logger.warning("alerts without vectors", code=error.slug, alerts=len(texts))
            return [None] * len(texts)
        if embedding.dim != DIM:
            logger.warning("alerts without vectors", code="dimension", alerts=len(texts))
            return [None] * len(texts)
        return [HalfVector(vector) for vector in embedding.vectors]


def text_of(alert: NewAlert) -> str:
    """What a model reads."""
    return f"{alert.title}\n{alert.description}".strip()[:MAX_JUDGED_CHARS]


def by_rules(alert: NewAlert) -> Verdict:
    """By the words that are found."""
    text = text_of(alert)
    category, sure = rules.category_of(text)
    said = {
        "severity": rules.severity_of(text),
        "category": (category, sure),
        "team": (rules.TEAMS[category], sure),
    }
    labels = {axis: Label(label, rules.RULE, confidence) for axis, (label, confidence) in said.items()}
    return Verdict(_with_senders(alert, labels), [], degraded=True)


def _verdict(alert: NewAlert, judged: Mapping[str, Any], found: Sequence[Any]) -> Verdict:
    """A model's; a label that we do not know is left to the rules."""
    labels = dict(by_rules(alert).labels)
    for axis, known in AXES.items():
        if axis in judged and judged[axis].label in known:
            labels[axis] = Label(judged[axis].label, get_settings().class_model, judged[axis].confidence)
    entities = [one.model_dump(include={"label", "text", "confidence", "source"}) for one in found]
    return Verdict(_with_senders(alert, labels), entities, degraded=False)


def _with_senders(alert: NewAlert, labels: dict[str, Label]) -> dict[str, Label]:
    """The sender's own severity goes before anybody's."""
    return labels | ({"severity": Label(alert.severity, rules.SENDER, None)} if alert.severity else {})
