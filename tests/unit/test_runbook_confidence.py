"""How sure it is that runbooks say something, and what words that none of them has take from that."""

from uuid import uuid4

import pytest

from sightline.incidents.runbooks.ranking import UNKNOWN, Ranked, confidence
from sightline.incidents.runbooks.rules import understood
from sightline.incidents.runbooks.searching import Known, Query
from sightline.incidents.runbooks.weighing import asked
from sightline.words import stem

pytestmark = pytest.mark.unit

FOUND = [Ranked(uuid4(), "a.md", 0.5, ())]


def sure(question: str, *, having: tuple[str, ...], runbooks: int = 400) -> float:
    """Of a question of which the runbooks have these words; every word is worth the same."""
    words = asked(question, "", "", understood(question))
    has = {stem(word) for word in having}
    told = Known(
        runbooks, {one.stem: int(one.stem in has) for one in words}, {one.stem: 1.0 for one in words}
    )
    return confidence(FOUND, Query(words), told)


def test_words_that_no_runbook_has_take_from_it() -> None:
    assert sure("etcd leader", having=("etcd", "leader")) == 0.5
    assert sure("consul leader", having=("leader",)) == pytest.approx(0.5 - UNKNOWN / 2)
    assert sure("consul raft", having=()) == pytest.approx(0.5 - UNKNOWN)


def test_a_few_runbooks_lack_most_words_and_that_tells_little() -> None:
    assert sure("consul raft", having=(), runbooks=2) == pytest.approx(0.5 - UNKNOWN * 2 / 100)


def test_what_the_vocabulary_writes_out_and_numbers_are_no_such_words() -> None:
    assert understood("the worker keeps toggling") == {stem("worker"), stem("toggling")}
    assert sure("etcd toggling", having=("etcd",)) == 0.5
    assert sure("etcd 0945", having=("etcd",)) == 0.5
    assert sure("98", having=()) == 0.5


def test_where_nothing_is_found_it_is_not_sure_at_all() -> None:
    assert confidence([], Query([]), Known(0, {}, {})) == 0.0
