"""The caption grammar: many words, honest facts, and none of the words kept out for testing."""

from __future__ import annotations

import random
import re

import pytest

from gpu_endpoint.training.captions import caption, grammar_phrases, grammar_words, phrase, with_derived
from gpu_endpoint.training.evaluate import heldout_queries
from gpu_endpoint.training.scenes import random_scene

pytestmark = pytest.mark.unit

# Words that carry no content of their own.
STOPWORDS = {
    "a",
    "along",
    "an",
    "at",
    "before",
    "by",
    "from",
    "in",
    "of",
    "on",
    "over",
    "the",
    "to",
    "us",
    "with",
}


def test_no_content_word_of_the_heldout_queries_is_in_the_grammar() -> None:
    known = grammar_words()
    for query in heldout_queries():
        words = set(re.findall(r"[a-z]+", query.text.lower())) - STOPWORDS
        assert words, query.text
        assert not words & known, (query.text, words & known)


def test_there_are_24_heldout_queries_about_facts_that_scenes_have() -> None:
    rng = random.Random(1)
    possible = {fact for _ in range(400) for fact in with_derived(random_scene(rng).facts)}
    queries = heldout_queries()
    assert len(queries) == len({q.text for q in queries}) == 24
    assert {fact for query in queries for fact in query.facts} <= possible


def test_the_grammar_has_three_times_the_probes_113_phrases() -> None:
    assert len(grammar_phrases()) >= 3 * 113


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
