"""The EntityTagger and Classifier ports over SageMaker Runtime: texts in, what they say out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from pydantic import ValidationError

from sightline.contracts.inference import JSON, MAX_TEXTS, Call, ModelHeader, ModelPin, TextTask
from sightline.contracts.inference_answers import ClassesAnswer, EntitiesAnswer, Entity, Judgement
from sightline.errors import EndpointRefusedError
from sightline.providers.circuit import Circuit
from sightline.providers.sagemaker import text_body, wrong_model_refused
from sightline.providers.sagemaker_calls import EndpointCalls, Patience

AnswerShape = TypeVar("AnswerShape", bound=ModelHeader)

# A queue's message is worked on in the background: it may wait a little longer than a question.
ALERTS = Patience(within_s=25, read_s=12)


class TextCalls:
    """One task of one model, in calls of at most MAX_TEXTS texts."""

    def __init__(self, *, endpoint_name: str, model: str, task: TextTask) -> None:
        self._pin, self._task = ModelPin(model=model), task
        self._calls = EndpointCalls(endpoint_name, Circuit(), ALERTS)

    def ask(self, texts: Sequence[str], shape: type[AnswerShape]) -> list[AnswerShape]:
        """The answers, in order. Raises: EndpointUnavailableError, EndpointRefusedError."""
        answers = []
        for start in range(0, len(texts), MAX_TEXTS):
            body = text_body(list(texts[start : start + MAX_TEXTS]), self._pin, self._task)
            with wrong_model_refused(None):
                _, said = self._calls.ask(
                    attributes=Call.to_attributes, Accept=JSON, ContentType=JSON, Body=body
                )
            answers.append(read(shape, said))
        return answers

    def close(self) -> None:
        """Closes the connections that were opened."""
        self._calls.close()


class SageMakerTagger:
    """Implements ports.EntityTagger."""

    def __init__(self, *, endpoint_name: str, model: str) -> None:
        self._calls = TextCalls(endpoint_name=endpoint_name, model=model, task="tag_entities")

    def tag(self, texts: Sequence[str]) -> list[list[Entity]]:
        """Per text its entities, by start."""
        answers = self._calls.ask(texts, EntitiesAnswer)
        return checked([found for answer in answers for found in answer.entities], texts)

    def close(self) -> None:
        """Closes the connections that were opened."""
        self._calls.close()


class SageMakerClassifier:
    """Implements ports.Classifier."""

    def __init__(self, *, endpoint_name: str, model: str) -> None:
        self._calls = TextCalls(endpoint_name=endpoint_name, model=model, task="classify")

    def classify(self, texts: Sequence[str]) -> list[dict[str, Judgement]]:
        """Per text and axis its class."""
        answers = self._calls.ask(texts, ClassesAnswer)
        return checked([judged for answer in answers for judged in answer.classes], texts)

    def close(self) -> None:
        """Closes the connections that were opened."""
        self._calls.close()


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
