"""The EntityTagger, Classifier and DocumentEmbedder ports: what they ask, and what they make of answers."""

import json
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from sightline.contracts.inference import ATTRIBUTES_HEADER, EmbeddingHeader, encode_npy
from sightline.errors import EndpointRefusedError, EndpointUnavailableError
from sightline.providers.sagemaker import SageMakerEmbedder
from sightline.providers.sagemaker_texts import SageMakerClassifier, SageMakerTagger
from tests.contract.test_embedder_failures import Runtime, runtime  # noqa: F401 - a fixture

pytestmark = pytest.mark.contract

WHO = {"model": "alerts", "revision": "r1", "precision": "int8", "dim": None}
HOST = {"label": "host", "start": 0, "end": 4, "text": "db-3", "confidence": 0.98, "source": "model"}
HIGH = {"label": "high", "confidence": 0.7, "scores": {"high": 0.7, "low": 0.3}}


def answers(told: Runtime, **fields: Any) -> None:
    told.status, told.body = 200, json.dumps(WHO | fields).encode()


def tag(texts: list[str]) -> Any:
    with closing(SageMakerTagger(endpoint_name="sightline-test", model="alerts")) as tagger:
        return tagger.tag(texts, within_s=5)


def classify(texts: list[str]) -> Any:
    with closing(SageMakerClassifier(endpoint_name="sightline-test", model="alerts")) as classifier:
        return classifier.classify(texts, within_s=5)


def test_entities_come_by_text(runtime: Runtime) -> None:  # noqa: F811
    answers(runtime, entities=[[HOST], []])
    found = tag(["db-3 is down", "all is well"])
    assert [[entity.text for entity in entities] for entities in found] == [["db-3"], []]


def test_classes_come_by_text_and_axis(runtime: Runtime) -> None:  # noqa: F811
    answers(runtime, classes=[{"severity": HIGH}])
    (judged,) = classify(["db-3 is down"])
    assert (judged["severity"].label, judged["severity"].scores["low"]) == ("high", 0.3)


def test_no_texts_are_no_call(runtime: Runtime) -> None:  # noqa: F811
    assert (tag([]), classify([]), runtime.calls) == ([], [], 0)


@pytest.mark.parametrize("entities", [[[HOST]], [[{"label": "host"}], []], "none"])
def test_an_answer_of_another_form_or_number_is_not_used(
    runtime: Runtime,  # noqa: F811
    entities: Any,
) -> None:
    answers(runtime, entities=entities)
    with pytest.raises(EndpointRefusedError):
        tag(["db-3 is down", "all is well"])


@pytest.mark.parametrize("call", [tag, classify])
def test_a_busy_model_is_told_from_a_refusal(runtime: Runtime, call: Any) -> None:  # noqa: F811
    runtime.fails(424, "ModelError", OriginalStatusCode=503, OriginalMessage="")
    with pytest.raises(EndpointUnavailableError):
        call(["db-3 is down"])
    runtime.fails(424, "ModelError", OriginalStatusCode=409, OriginalMessage='{"code": "model-mismatch"}')
    with pytest.raises(EndpointRefusedError):
        call(["db-3 is down"])


def test_documents_have_vectors_of_their_own_model(runtime: Runtime) -> None:  # noqa: F811
    header = EmbeddingHeader(model="minilm", revision="r1", precision="int8", dim=4)
    runtime.headers = {ATTRIBUTES_HEADER: header.to_attributes()}
    runtime.body = encode_npy(np.eye(2, 4))
    made = SageMakerEmbedder(endpoint_name="sightline-test", model="minilm", task="embed_document")
    with closing(made) as documents:
        embedded = documents.embed_texts(["a runbook", "another"])
    assert (embedded.model_id, embedded.dim, embedded.vectors.shape) == ("minilm", 4, (2, 4))
