"""What a question is about, and which words of a runbook a sentence rests on."""

import pytest

from sightline.incidents.runbooks.reading import clean_path, is_runbook
from sightline.incidents.runbooks.rules import context_of, expanded, expansion, follows, quote_of, subject_of
from sightline.incidents.runbooks.weighing import asked
from sightline.words import stem

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("question", ["and then?", "why?", "how do I undo that?", "what if it fails?"])
def test_a_question_that_says_nothing_itself_follows_the_one_before(question: str) -> None:
    assert follows(question)
    assert subject_of(question, ["checkout is slow"]) == f"checkout is slow\n{question}"
    assert subject_of(question, []) == question


def test_a_question_of_its_own_follows_nothing() -> None:
    question = "How do I renew the certificate of gateway-2 before it expires tonight?"
    assert not follows(question)
    assert subject_of(question, ["checkout is slow"]) == question


def test_what_people_type_is_written_out_beside_it() -> None:
    assert "persistent volume" in expansion("the pvc of orders is stuck")
    assert expanded("hello") == "hello"
    assert "node" not in expansion("the node is a box").split()


def test_names_are_asked_for_whole_and_in_parts() -> None:
    shares = {one.stem: one.share for one in asked("KubePodCrashLooping on the node", "restart", "checkout")}
    assert {"pod", "crash", "loop", "kubepodcrashloop"} <= shares.keys()
    assert tuple(shares[stem(word)] for word in ("node", "restart", "checkout")) == (1.0, 0.7, 0.5)


def test_alerts_that_say_the_same_are_said_once() -> None:
    alert = {"title": "Disk is full", "service": "orders", "category": "capacity", "entities": []}
    assert context_of([alert, alert]) == "Disk is full orders capacity"


def test_the_paragraph_that_says_it_is_quoted_with_its_lines() -> None:
    text = "First something else.\n\nCancel the longest query\non the standby.\n\nThe end."
    quote = quote_of("Cancel the longest query.", text)
    assert (quote.text, quote.first, quote.last) == ("Cancel the longest query\non the standby.", 2, 3)


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a/b.md", "a/b.md"),
        ("./a//b.md", "a/b.md"),
        ("a\\b.md", "a/b.md"),
        ("../b.md", None),
        ("/b.md", None),
        ("C:\\b.md", None),
        ("a\nb.md", None),
        ("", None),
    ],
)
def test_a_path_leads_nowhere_else(path: str, name: str | None) -> None:
    assert clean_path(path) == name


@pytest.mark.parametrize("path", [".git/a.md", "__MACOSX/._a.md", "a.pdf", "a/.hidden.md"])
def test_what_is_no_runbook_is_left_alone(path: str) -> None:
    assert not is_runbook(path)
