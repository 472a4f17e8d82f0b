"""The caption grammar: many words, honest facts, and none of the words kept out for testing."""

from __future__ import annotations

import random
import re

import pytest

from gpu_endpoint.training.captions import caption, grammar_words, phrase, with_derived
from gpu_endpoint.training.captionset import mirrored, one_hot
from gpu_endpoint.training.evaluate import heldout_queries
from gpu_endpoint.training.head import free_sentences
from gpu_endpoint.training.scenes import random_scene
from gpu_endpoint.training.vocabulary import phrases

pytestmark = pytest.mark.unit

# Words that carry no content, and words that name none of the facts asked for.
STOPWORDS = {
    "a",
    "along",
    "an",
    "at",
    "beside",
    "by",
    "from",
    "in",
    "is",
    "of",
    "on",
    "part",
    "the",
    "through",
    "to",
    "us",
}
GENERAL = {"car", "driving", "front", "road", "sign"}


def test_no_key_word_of_the_heldout_queries_is_in_the_grammar_or_the_sentences() -> None:
    written = re.findall(r"[a-z]+", " ".join(text for text, _ in free_sentences()).lower())
    known = grammar_words() | set(written)
    for query in heldout_queries():
        words = set(re.findall(r"[a-z]+", query.text.lower())) - STOPWORDS - GENERAL
        assert words, query.text
        assert not words & known, (query.text, words & known)


def test_free_sentences_assert_facts_that_scenes_have() -> None:
    rng = random.Random(4)
    possible = {fact for _ in range(600) for fact in with_derived(random_scene(rng).facts)}
    rows = free_sentences()
    assert len(rows) > 300
    assert {fact for _, facts in rows for fact in facts} <= possible


def test_there_are_24_heldout_queries_about_facts_that_scenes_have() -> None:
    rng = random.Random(1)
    possible = {fact for _ in range(400) for fact in with_derived(random_scene(rng).facts)}
    queries = heldout_queries()
    assert len(queries) == len({q.text for q in queries}) == 24
    assert {fact for query in queries for fact in query.facts} <= possible


def test_the_grammar_has_three_times_the_probes_113_phrases() -> None:
    assert len(phrases()) >= 3 * 113


def test_every_fact_of_a_scene_has_words() -> None:
    rng = random.Random(2)
    facts = {fact for _ in range(300) for fact in with_derived(random_scene(rng).facts)}
    assert not [fact for fact in facts if not phrase(fact, rng)]


def test_captions_assert_only_what_is_true() -> None:
    rng = random.Random(3)
    for _ in range(200):
        facts = with_derived(random_scene(rng).facts)
        text, asserted = caption(facts, rng)
        assert text.strip() == text != ""
        assert asserted
        assert set(asserted) <= set(facts)


def test_traffic_follows_from_three_vehicles() -> None:
    assert {"vehicle", "traffic"} <= set(with_derived(["car", "car>=2", "truck"]))
    assert "traffic" not in with_derived(["car", "truck"])
    assert "vehicle" not in with_derived(["pedestrian"])


def test_mirrored_facts_change_sides_and_nothing_else() -> None:
    facts = ["bend left", "bend right", "car@left:near", "car@right:near", "stop@right", "truck"]
    true = one_hot([["car@left:near", "truck"], ["bend right", "stop@right"]], facts)
    swapped = one_hot([["car@right:near", "truck"], ["bend left"]], facts)  # no stop@left is known
    assert mirrored(true, facts).tolist() == swapped.tolist()
