"""The EntityTagger and Classifier ports over SageMaker Runtime: texts in, what they say out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from pydantic import ValidationError

from sightline.contracts.inference import JSON, Call, ModelHeader, ModelPin, TextTask
from sightline.contracts.inference_answers import ClassesAnswer, EntitiesAnswer, Entity, Judgement
from sightline.errors import EndpointRefusedError
from sightline.providers.circuit import Circuit
from sightline.providers.sagemaker import ALERTS, text_body, wrong_model_refused
from sightline.providers.sagemaker_calls import EndpointCalls, Patience

AnswerShape = TypeVar("AnswerShape", bound=ModelHeader)


class TextCalls:
    """One task of one model; who inherits names the task."""

    _task: ClassVar[TextTask]

    def __init__(
        self, *, endpoint_name: str, model: str, patience: Patience = ALERTS, circuit: Circuit | None = None
    ) -> None:
        self._pin, self._at_once = ModelPin(model=model), patience.at_once
        self._calls = EndpointCalls(endpoint_name, circuit or Circuit(), patience)

    def ask(self, texts: Sequence[str], shape: type[AnswerShape], *, within_s: float) -> list[AnswerShape]:
        """The answers, in order. Raises: EndpointUnavailableError, EndpointRefusedError."""
        answers, until = [], time.monotonic() + within_s
        for start in range(0, len(texts), self._at_once):
            body = text_body(list(texts[start : start + self._at_once]), self._pin, self._task)
            with wrong_model_refused(None):
                _, said = self._calls.ask(
                    attributes=Call.to_attributes, until=until, Accept=JSON, ContentType=JSON, Body=body
                )
            answers.append(read(shape, said))
        return answers

    def close(self) -> None:
        """Closes the connections that were opened."""
        self._calls.close()


class SageMakerTagger(TextCalls):
    """Implements ports.EntityTagger."""

    _task = "tag_entities"

    def tag(self, texts: Sequence[str], *, within_s: float) -> list[list[Entity]]:
        """Per text its entities, by start."""
        answers = self.ask(texts, EntitiesAnswer, within_s=within_s)
        return checked([found for answer in answers for found in answer.entities], texts)


class SageMakerClassifier(TextCalls):
    """Implements ports.Classifier."""

    _task = "classify"

    def classify(self, texts: Sequence[str], *, within_s: float) -> list[dict[str, Judgement]]:
        """Per text and axis its class."""
        answers = self.ask(texts, ClassesAnswer, within_s=within_s)
        return checked([judged for answer in answers for judged in answer.classes], texts)


Row = TypeVar("Row")


def checked(rows: list[Row], texts: Sequence[str]) -> list[Row]:
    """One row per text. Raises: EndpointRefusedError."""
    if len(rows) != len(texts):
        raise EndpointRefusedError(f"the endpoint answered {len(rows)} times for {len(texts)} texts")
    return rows


def read(shape: type[AnswerShape], body: bytes) -> AnswerShape:
    """Raises: EndpointRefusedError."""
    try:
        return shape.model_validate_json(body)
    except ValidationError as error:
        raise EndpointRefusedError("the endpoint's answer is not of the agreed form") from error
