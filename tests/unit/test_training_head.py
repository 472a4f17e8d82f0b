"""The closed-form text head: it separates, generalises over its texts, and its chances are chances."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from benchmarks.prompts import NOWHERE
from gpu_endpoint.training.captionset import CaptionSet, one_hot
from gpu_endpoint.training.head import Head, absent_texts, blend, calibrate, extra_texts, fit_head
from gpu_endpoint.training.palette import Floats
from sightline.vectors.captions import captions

pytestmark = pytest.mark.unit

FACTS = ["time:day", "time:night", "road:city", "road:rural"]


class WordVectors:
    """A sentence encoder whose vectors are sums of a fixed random vector per word."""

    def __call__(self, texts: Sequence[str]) -> Floats:
        rows = [sum(self._word(word) for word in text.split()) for text in texts]
        vectors = np.array(rows, np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def _word(self, word: str) -> Floats:
        return np.random.default_rng(list(word.encode())).normal(size=384).astype(np.float32)


@pytest.fixture(scope="module")
def world() -> tuple[Floats, CaptionSet]:
    """Image vectors that hold each fact in a direction of its own, and captions of single facts."""
    rng = np.random.default_rng(0)
    true = one_hot([[FACTS[i % 2], FACTS[2 + i // 2 % 2]] for i in range(400)], FACTS)
    images = true @ rng.normal(size=(4, 256)) + 0.3 * rng.normal(size=(400, 256))
    images = (images / np.linalg.norm(images, axis=1, keepdims=True)).astype(np.float32)
    texts = ["day", "night", "city", "rural"]
    return images, CaptionSet(FACTS, texts, WordVectors()(texts), np.eye(4, dtype=np.float32), true)


def test_each_text_ranks_its_scenes_first(world: tuple[Floats, CaptionSet]) -> None:
    images, captions = world
    head = fit_head(images, captions, WordVectors())  # type: ignore[arg-type]
    scores = images @ head(captions.sentences).T
    for column in range(4):
        first = np.argsort(-scores[:, column])[:100]
        assert captions.true[first, column].mean() > 0.95


def test_the_blend_answers_between_its_parts() -> None:
    one, two = (
        Head(np.ones((2, 3), np.float32), np.zeros(2, np.float32)),
        Head(-4 * np.ones((2, 3), np.float32), np.zeros(2, np.float32)),
    )
    assert blend(one, two, np.ones((5, 3), np.float32), share=0.5).weight == pytest.approx(0)


def test_a_higher_cosine_is_a_higher_chance(world: tuple[Floats, CaptionSet]) -> None:
    images, captions = world
    scale, bias = calibrate(fit_head(images, captions, WordVectors()), images, captions)  # type: ignore[arg-type]
    assert scale > 0
    assert bias < scale


def test_the_phrases_of_every_fact_weigh_the_same() -> None:
    extra = extra_texts({"time:day", "weather:rain", "car"})
    sums = {
        fact: sum(
            w
            for w, facts, text in zip(extra.weights, extra.facts, extra.texts, strict=True)
            if facts == [fact]
        )
        for fact in ("time:day", "weather:rain", "car")
    }
    assert len(extra.texts) == len(extra.facts) == len(extra.weights)
    assert min(sums.values()) > 1 / 3  # a third of the phrases' weight, and some of the sentences'


def test_what_no_scene_shows_is_told_in_texts_of_its_own() -> None:
    """Neither those that questions are held against, nor those that are asked to measure the verdict."""
    asked = {prompt.text for prompt in NOWHERE} | set(captions())
    texts = absent_texts()
    assert len(texts) == len(set(texts)) > 200
    assert not asked & set(texts)
