"""Held-out alerts are really different, and what is generated is what it says it is."""

from __future__ import annotations

import random
import re
from collections import defaultdict
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
    read_library,
    skeleton,
)
from gpu_endpoint.training.alerts.values import Vocabulary
from gpu_endpoint.training.alerts.wording import Synonyms, chosen, wordings
from gpu_endpoint.training.alerts.words import LISTS

pytestmark = pytest.mark.unit

SEEN = [one for split in ("train", "validation") for one in read_library(split).everything()]
HELD_OUT = [one for split in ("test", *APART, "vendor") for one in read_library(split).everything()]
SEEN_SKELETONS = {words: one for one in SEEN for words in one.skeletons}
ALIKE = 0.65  # shared words of two skeletons, of all their words


def test_no_held_out_template_shares_its_skeleton() -> None:
    skeletons = {one.text: skeleton(one.text) for one in HELD_OUT}
    assert not [text for text, words in skeletons.items() if len(words) > 2 and words in SEEN_SKELETONS]


def test_no_held_out_template_is_nearly_one_that_training_saw() -> None:
    bits: dict[str, int] = defaultdict(lambda: 1 << len(bits))
    seen = {sum(bits[word] for word in set(words)): one.text for words, one in SEEN_SKELETONS.items()}
    worded = [one.text for one in HELD_OUT if len(skeleton(one.text)) > 3]
    assert len(worded) > 300
    near = []
    for text in worded:
        mine = sum(bits[word] for word in set(skeleton(text)))
        near += [
            (text, other)
            for theirs, other in seen.items()
            if (mine & theirs).bit_count() > ALIKE * (mine | theirs).bit_count()
        ]
    assert not near


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


def test_a_choice_is_one_of_its_wordings() -> None:
    text = "{service} <is|went> <down|away|> in {env}"
    assert len(wordings(text)) == 6
    assert {chosen(random.Random(seed), text) for seed in range(99)} == set(wordings(text))
    assert wordings("a < b > c {pct}") == ["a < b > c {pct}"]


def test_other_words_say_the_same() -> None:
    synonyms = Synonyms(FOLDER / "synonyms.txt")
    said = {synonyms.varied(random.Random(seed), "Above 90, not belowground") for seed in range(99)}
    assert {"Above 90, not belowground", "Over 90, not belowground"} < said
    assert all(text.endswith(" 90, not belowground") for text in said)


def test_no_held_out_wording_is_drawn_in_training() -> None:
    held_out = {words for one in HELD_OUT if len(words := skeleton(one.text)) > 2}
    rng, synonyms = random.Random(0), Synonyms(FOLDER / "synonyms.txt")
    drawn = {skeleton(synonyms.varied(rng, chosen(rng, one.text))) for one in SEEN for _ in range(10)}
    assert not drawn & held_out


def test_no_real_payload_is_among_the_templates() -> None:
    texts = "".join(path.read_text(encoding="utf-8") for path in FOLDER.rglob("*.txt"))
    for word in ("keep-api", "skyhook", "alerta", "goalert", "powertools"):
        assert word not in texts.lower()
