"""Held-out alerts are really different, and what is generated is what it says it is."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from gpu_endpoint.training.alerts.compose import CATEGORY_SHARES, Composer
from gpu_endpoint.training.alerts.slots import LABELS, drawers, label_of
from gpu_endpoint.training.alerts.templates import (
    APART,
    CATEGORIES,
    FOLDER,
    HELD_OUT_VENDORS,
    SEVERITIES,
    SLOT,
    Split,
    Template,
    read_library,
)
from gpu_endpoint.training.alerts.values import Vocabulary
from gpu_endpoint.training.alerts.words import LISTS

pytestmark = pytest.mark.unit

SEEN = [one for split in ("train", "validation") for one in read_library(split).everything()]
HELD_OUT = [one for split in ("test", *APART, "vendor") for one in read_library(split).everything()]
ALIKE = 0.65  # shared words of two skeletons, of all their words


def alike(one: Template, other: Template) -> float:
    mine, theirs = set(one.words), set(other.words)
    return len(mine & theirs) / len(mine | theirs)


def test_no_held_out_template_shares_its_skeleton() -> None:
    seen = {one.words for one in SEEN}
    assert not [one.text for one in HELD_OUT if len(one.words) > 2 and one.words in seen]


def test_no_held_out_template_is_nearly_one_that_training_saw() -> None:
    worded = [one for one in HELD_OUT if len(one.words) > 3]
    assert len(worded) > 200
    assert not [(a.text, b.text) for a in worded for b in SEEN if alike(a, b) > ALIKE]


def test_a_held_out_vendor_is_nowhere_in_training() -> None:
    assert {one.source for one in read_library("vendor").everything()} == set(HELD_OUT_VENDORS)
    assert not {one.source for one in SEEN} & set(HELD_OUT_VENDORS)
    texts = " ".join(one.text.lower() for one in SEEN)
    assert "opsgenie.com" not in texts
    assert "nrql" not in texts


def test_every_template_can_be_filled() -> None:
    known = set(drawers(Vocabulary(Composer("train", seed=0).rng, "errors", kept=False)))
    outer = {"core", "impact", "sev", "tags"}
    assert {
        found.group(1) for one in (*SEEN, *HELD_OUT) for found in SLOT.finditer(one.text)
    } <= known | outer


@pytest.mark.parametrize("split", ["train", "validation", "test", *APART])
def test_every_split_has_every_class(split: Split) -> None:
    library = read_library(split)
    assert set(library.impacts) == set(SEVERITIES)
    assert set(library.cores) == set(CATEGORIES) == set(CATEGORY_SHARES)
    alerts = Composer(split, seed=1).alerts(1500)
    assert {alert.severity for alert in alerts} == set(SEVERITIES)
    assert {alert.category for alert in alerts} == set(CATEGORIES)


def test_spans_are_whole_and_do_not_overlap() -> None:
    for alert in Composer("train", seed=2).alerts(400):
        places = sorted(alert.spans)
        for (_, end, _), (start, _, _) in pairwise(places):
            assert end <= start
        for start, end, label in places:
            said = alert.text[start:end]
            assert said
            assert said == said.strip()
            assert label in LABELS or label == "metric"


def test_the_same_seed_gives_the_same_alerts() -> None:
    first, second = (Composer("test", seed=3).alerts(50) for _ in range(2))
    assert first == second
    assert first != Composer("test", seed=4).alerts(50)


def test_kept_names_are_never_in_training() -> None:
    services = LISTS["services"]
    kept = set(services[round(len(services) * 0.75) :])
    said = {
        part
        for alert in Composer("test", seed=5).alerts(600)
        for start, end, label in alert.spans
        if label == "service"
        for part in re.findall(r"[a-z]+", alert.text[start:end].lower())
    }
    assert kept & said
    trained = Vocabulary(Composer("train", seed=6).rng, "errors", kept=False)
    assert not {trained.pick("services") for _ in range(3000)} & kept


def test_slots_have_the_label_that_the_docs_give() -> None:
    assert label_of("m_dd_cap") == "metric"
    assert label_of("err_http") == "error_code"
    assert label_of("err_ok") is None
    assert label_of("version") is None
    assert label_of("arn_sqs") == "resource"


def test_no_real_payload_is_among_the_templates() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.txt"))
    for word in ("keep-api", "skyhook", "alerta", "goalert", "powertools"):
        assert word not in texts.lower()
