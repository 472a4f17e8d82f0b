"""From tag scores to stretches of a text."""

from __future__ import annotations

import numpy as np
import pytest

from gpu_endpoint.models.alert_entities import with_certain
from gpu_endpoint.models.alert_rules import find_certain
from gpu_endpoint.models.spans import (
    APART,
    AT_A_SIGN,
    NEW_LINE,
    ONE_WORD,
    Span,
    Stretch,
    TagScheme,
    answered,
    in_text,
    joints_of,
    log_chances,
)

pytestmark = pytest.mark.unit

TAGS = ["O", "B-host", "I-host", "B-team", "I-team"]


def scores(*best: int, sure: float = 4.0) -> np.ndarray:
    logits = np.zeros((len(best), len(TAGS)), np.float32)
    logits[np.arange(len(best)), best] = sure
    return log_chances(logits)


def spans(*best: int, joints: list[int] | None = None) -> list[tuple[int, int, str]]:
    return [span[:3] for span in TagScheme(TAGS).spans(scores(*best), joints)]


def test_tags_become_entities() -> None:
    assert spans(0, 1, 2, 0, 3) == [(1, 2, "host"), (4, 4, "team")]
    assert spans(1, 1, 2) == [(0, 0, "host"), (1, 2, "host")]
    assert spans(0, 0) == []


def test_an_entity_never_begins_inside() -> None:
    # I-team cannot follow host: the likeliest allowed reading is taken, not the likeliest tags.
    for best in ((0, 2, 0), (1, 4, 0), (2, 2, 2)):
        found = spans(*best)
        tags = TagScheme(TAGS).best(scores(*best))
        for before, after in zip([0, *tags], tags, strict=False):
            assert TAGS[after][0] != "I" or TAGS[before][2:] == TAGS[after][2:]
        assert all(first <= last for first, last, _ in found)


def test_a_word_is_not_torn_apart() -> None:
    assert spans(1, 3, 0) == [(0, 0, "host"), (1, 1, "team")]
    torn = spans(1, 3, 0, joints=[APART, ONE_WORD, APART])
    assert len(torn) == 1
    assert torn[0][:2] == (0, 1)
    assert spans(1, 2, 2, joints=[APART, APART, NEW_LINE])[0][:2] == (0, 1)


def test_joints_tell_words_signs_and_lines() -> None:
    text = "db-03 is\ndown"
    offsets = [(0, 0), (0, 1), (1, 2), (2, 3), (3, 5), (6, 8), (9, 13), (0, 0)]
    assert joints_of(text, offsets) == [
        APART, APART, ONE_WORD, AT_A_SIGN, AT_A_SIGN, APART, NEW_LINE, APART,
    ]  # fmt: skip


def test_schemes_without_marks_and_with_ends_are_read() -> None:
    plain = TagScheme(["O", "PER", "LOC"])
    logits = np.full((3, 3), -9, np.float32)
    logits[[0, 1, 2], [1, 1, 2]] = 0
    assert [span[:3] for span in plain.spans(logits)] == [(0, 1, "PER"), (2, 2, "LOC")]
    ends = TagScheme(["O", "B-X", "I-X", "E-X", "S-X"])
    logits = np.full((4, 5), -9, np.float32)
    logits[[0, 1, 2, 3], [1, 2, 3, 4]] = 0
    assert [span[:3] for span in ends.spans(logits)] == [(0, 2, "X"), (3, 3, "X")]


def test_windows_of_a_long_text_give_each_entity_once() -> None:
    windows = [[(0, 5), (6, 10), (11, 15)], [(6, 10), (11, 15), (16, 20)]]
    found = in_text(
        windows,
        [
            [Span(1, 1, "host", 0.9), Span(2, 2, "team", 0.8)],
            [Span(0, 0, "host", 0.7), Span(1, 2, "team", 0.6)],
        ],
    )
    assert [(one.label, one.start, one.end) for one in found] == [("host", 6, 10), ("team", 11, 20)]


def test_rules_replace_what_the_model_says_there() -> None:
    text = "10.0.0.1 fails with HTTP 503 Service Unavailable in eu-west-1"
    model = [
        Stretch("service", 0, 8, 0.9, "model"),
        Stretch("error_code", 20, 48, 0.8, "model"),
        Stretch("region", 52, 61, 0.7, "model"),
    ]
    found = with_certain(model, find_certain(text))
    assert [(one.label, text[one.start : one.end], one.source) for one in found] == [
        ("host", "10.0.0.1", "rule"),
        ("error_code", "HTTP 503 Service Unavailable", "model"),
        ("region", "eu-west-1", "rule"),
    ]


def test_an_answer_names_characters_not_bytes() -> None:
    text = "🔥 café-api"
    [entity] = answered(text, [Stretch("service", 2, 10, 0.123456, "model")])
    assert entity == {
        "label": "service",
        "start": 2,
        "end": 10,
        "text": "café-api",
        "confidence": 0.1235,
        "source": "model",
    }
