"""The alert models as they are served: entities, classes, long texts, and one pass of the encoder for all."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from gpu_endpoint.models.config import CONFIGS, read_config
from gpu_endpoint.models.encoder_memory import Encoded, EncoderMemory
from gpu_endpoint.models.families import Loading, load_model
from gpu_endpoint.models.files import ModelFileError
from gpu_endpoint.training.alerts.evaluate import answers_of, measure

pytestmark = pytest.mark.component

ALERT = (
    "[P1] checkout-api is down in eu-west-1: HTTP 503 from web-03.internal for 10m,"
    " customers cannot pay. cc payments-oncall, maria.lopez@example.com"
)
CALM = "Resolved: p99 latency of search-api is 120ms again in staging"


@pytest.fixture(scope="module")
def loading(models_home: Any) -> Loading:
    return Loading(home=models_home / "models", threads=1, folder=CONFIGS)


@pytest.fixture(scope="module")
def models(loading: Loading) -> dict[str, Any]:
    return {name: load_model(read_config(f"alert-{name}"), loading) for name in ("entities", "classes")}


def entities(models: dict[str, Any], *texts: str) -> list[Any]:
    return answers_of("tag_entities", models["entities"], texts)


def test_an_alert_s_entities_are_stretches_of_its_text(models: dict[str, Any]) -> None:
    [found] = entities(models, ALERT)
    said = {(one["label"], one["text"]) for one in found}
    assert {
        ("service", "checkout-api"),
        ("region", "eu-west-1"),
        ("error_code", "HTTP 503"),
        ("host", "web-03.internal"),
        ("duration", "10m"),
        ("person", "maria.lopez@example.com"),
    } <= said
    for one in found:
        assert ALERT[one["start"] : one["end"]] == one["text"]
        assert 0 < one["confidence"] <= 1
    assert [one["start"] for one in found] == sorted(one["start"] for one in found)


def test_classes_are_chances_and_teams_sum_up_categories(models: dict[str, Any]) -> None:
    urgent, calm = answers_of("classify", models["classes"], [ALERT, CALM])
    assert urgent["severity"]["label"] == "critical"
    assert urgent["category"]["label"] == "availability"
    assert calm["severity"]["label"] == "info"
    assert calm["category"]["label"] == "latency"
    for answer in (urgent, calm):
        assert set(answer) == {"severity", "category", "team"}
        for judged in answer.values():
            assert sum(judged["scores"].values()) == pytest.approx(1, abs=1e-3)
            assert judged["confidence"] == max(judged["scores"].values()) == judged["scores"][judged["label"]]
    categories, teams = urgent["category"]["scores"], urgent["team"]["scores"]
    assert teams["platform"] == pytest.approx(
        categories["availability"] + categories["capacity"] + categories["other"], abs=1e-3
    )


@pytest.mark.parametrize(
    ("split", "entity_bar", "severity_bar", "category_bar"),
    [("test", 0.90, 0.75, 0.75), ("fourth", 0.85, 0.75, 0.75), ("vendor", 0.85, 0.75, 0.75)],
)
def test_what_training_never_saw_is_read(
    models: dict[str, Any], split: Any, entity_bar: float, severity_bar: float, category_bar: float
) -> None:
    """A sample of what the cards measure in full; below the cards' bars by what so few alerts scatter."""
    figures = measure(split, 250, models)
    assert figures["entities"]["f1"] >= entity_bar
    assert figures["severity"]["accuracy"] >= severity_bar
    assert figures["category"]["accuracy"] >= category_bar
    assert figures["entities"]["calibration_error"] <= 0.1


def test_a_long_text_is_read_to_its_end(models: dict[str, Any]) -> None:
    filler = "the deploy log goes on and on without any trouble to be seen here, " * 30
    text = f"{filler}connection to 10.9.8.7 refused, {filler}i-0d0721c7f97545d43 stopped in us-west-2"
    [found] = entities(models, text)
    said = {one["text"] for one in found}
    assert {"10.9.8.7", "i-0d0721c7f97545d43", "us-west-2"} <= said
    places = [(one["start"], one["end"]) for one in found]
    assert all(before[1] <= after[0] for before, after in pairwise(places))


@pytest.mark.parametrize("text", [" ", "🔥", "\n\n", "ok", "x" * 9000, "؟؟؟ 世界 \u202e"])
def test_odd_texts_are_answered(models: dict[str, Any], text: str) -> None:
    [found] = entities(models, text)
    assert all(text[one["start"] : one["end"]] == one["text"] for one in found)
    [classes] = answers_of("classify", models["classes"], [text])
    assert set(classes) == {"severity", "category", "team"}


def test_an_answer_does_not_depend_on_what_shares_its_batch(models: dict[str, Any]) -> None:
    alone = entities(models, ALERT)[0]
    together = entities(models, CALM, ALERT, "x " * 300)[1]
    assert [(one["label"], one["text"]) for one in alone] == [(one["label"], one["text"]) for one in together]


def test_tags_classes_and_vectors_cost_one_pass(loading: Loading, models: dict[str, Any]) -> None:
    encoder = loading.sentences
    text = "one pass for everything about kafka-07"
    entities(models, text)
    ids = encoder.prepare_texts([text])
    [first], [second] = encoder.encode(ids), encoder.encode(ids)
    assert first is second  # remembered, not computed again
    assert np.array_equal(encoder.forward_texts(ids)[0], first.embedding)
    other = encoder.forward_texts(encoder.prepare_texts(["a text that was never tagged"]))
    assert other.shape == (1, 384)


def test_the_memory_is_bounded() -> None:
    memory = EncoderMemory(max_tokens=10)
    for number in range(20):
        memory.put((number, 1, 2), encoded())
        assert memory.tokens <= 10
    assert memory.get((0, 1, 2)) is None
    assert memory.get((19, 1, 2)) is not None
    memory.get((17, 1, 2))
    memory.put((30, 1, 2), encoded())
    assert memory.get((17, 1, 2)) is not None  # asked for a moment ago
    assert memory.get((18, 1, 2)) is None


def encoded() -> Encoded:
    return Encoded(np.zeros(2, np.float32), np.zeros((3, 2), np.float16))


def test_altered_weights_are_refused(loading: Loading) -> None:
    config = read_config("alert-entities")
    file = config.files["head"].model_copy(update={"sha256": "0" * 64})
    with pytest.raises(ModelFileError, match="was altered"):
        load_model(config.model_copy(update={"files": {"head": file}}), loading)


def invoke(url: str, task: str, texts: Sequence[str]) -> dict[str, Any]:
    request = urllib.request.Request(  # noqa: S310 - a loopback address
        f"{url}/invocations",
        data=json.dumps({"task": task, "texts": list(texts)}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
        said: dict[str, Any] = json.load(answer)
    return said


def test_the_endpoint_serves_both(inference_endpoint: Any) -> None:
    tagged = invoke(inference_endpoint.url, "tag_entities", [ALERT, CALM])
    assert tagged["model"] == "alert-entities"
    assert len(tagged["entities"]) == 2
    classified = invoke(inference_endpoint.url, "classify", [ALERT])
    assert classified["model"] == "alert-classes"
    assert classified["classes"][0]["severity"]["label"] == "critical"
    embedded = invoke(inference_endpoint.url, "embed_document", [ALERT])
    assert len(embedded["vectors"][0]) == 384
