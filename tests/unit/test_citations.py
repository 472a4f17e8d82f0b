"""The citation contract: what holds, what is dropped, and why; and the writer that only quotes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.incidents.citations import verified
from sightline.ports.writing import Passage, Sentence
from sightline.providers.writer_extractive import ExtractiveWriter, split
from sightline.words import content_words

pytestmark = pytest.mark.unit

RUNBOOKS = Path(__file__).resolve().parents[3] / "shared" / "data" / "runbooks"
ALERT = Passage(
    "a1",
    "At 12:03 UTC datadog: p99 latency of checkout-api is 2.4 s (service checkout-api), critical.",
)
DEPLOY = Passage("a2", "At 11:58 UTC github: deployment of checkout-api v2.19 to production completed.")
STEP = Passage(
    "r1#Mitigation",
    "## Mitigation\n\nRestart the stuck pods:\n\n```sh\nkubectl -n shop delete pod -l app=checkout\n```\n"
    "Do not delete the volume. Three replicas must answer.",
)
PASSAGES = [ALERT, DEPLOY, STEP]


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("The p99 latency of checkout-api has been 2.4 s since 12:03.", ("a1",)),
        ("Latency of checkout-api was preceded by the deployment of v2.19 at 11:58.", ("a1", "a2")),
        ("Restart the stuck pods with `kubectl -n shop delete pod -l app=checkout`.", ("r1#Mitigation",)),
        ("Make sure that 3 replicas answer.", ("r1#Mitigation",)),
        ("Do not delete the volume.", ("r1#Mitigation",)),
    ],
)
def test_what_the_passages_say_holds(text: str, cites: tuple[str, ...]) -> None:
    kept, dropped = verified([Sentence(text, cites)], PASSAGES)
    assert (kept, dropped) == ([Sentence(text, cites)], [])


@pytest.mark.parametrize(
    ("text", "cites"),
    [
        ("The p99 latency of checkout-api is 2.4 s.", ()),
        ("The p99 latency of checkout-api is 2.4 s.", ("a9",)),
        ("The p99 latency of checkout-api is 2.4 s.", ("r1#Mitigation",)),
        ("The p99 latency of checkout-api is 9.9 s.", ("a1",)),
        ("The p99 latency of payment-api is 2.4 s.", ("a1",)),
        ("The p99 latency of checkout-api in Frankfurt is 2.4 s.", ("a1",)),
        ("The deployment of checkout-api v2.19 caused the p99 latency.", ("a1", "a2")),
        ("The p99 latency of checkout-api is due to the deployment of v2.19.", ("a1", "a2")),
        ("The p99 latency of checkout-api has recovered.", ("a1",)),
        ("The deployment of checkout-api v2.19 to production was not completed.", ("a2",)),
        ("Run `kubectl -n shop delete pvc -l app=checkout` to restart the stuck pods.", ("r1#Mitigation",)),
        ("Two replicas must answer.", ("r1#Mitigation",)),
        ("Somebody should probably look into whatever goes on in the kitchen.", ("a1",)),
        ("", ("a1",)),
        ("checkout-api latency " * 200, ("a1",)),
    ],
)
def test_what_they_do_not_say_is_dropped(text: str, cites: tuple[str, ...]) -> None:
    kept, dropped = verified([Sentence(text, cites)], PASSAGES)
    assert (kept, dropped) == ([], [Sentence(text, cites)])


def test_a_citation_that_supports_nothing_is_taken_from_a_sentence_that_holds() -> None:
    said = Sentence("The p99 latency of checkout-api is 2.4 s.", ("a1", "r1#Mitigation", "a9", "a1"))
    ((kept,), _) = verified([said], PASSAGES)
    assert kept.cites == ("a1",)


@given(st.text(max_size=300), st.lists(st.sampled_from(["a1", "a2", "a9", ""]), max_size=3))
def test_any_text_is_kept_or_dropped(text: str, cites: list[str]) -> None:
    kept, dropped = verified([Sentence(text, tuple(cites))], PASSAGES)
    assert len(kept) + len(dropped) == 1


def test_a_runbook_is_cut_into_its_steps_and_commands() -> None:
    assert split(STEP.text) == [
        "Restart the stuck pods:\n```sh\nkubectl -n shop delete pod -l app=checkout\n```",
        "Do not delete the volume.",
        "Three replicas must answer.",
    ]
    assert split("# Title\n\n1. Look at `x`.\n   Then wait.\n2. Go on\n") == [
        "Look at `x`.",
        "Then wait.",
        "Go on",
    ]


def test_the_quoting_writer_quotes_what_was_asked_for() -> None:
    writer = ExtractiveWriter()
    (found,) = writer.write(
        "answer", question="How do I restart pods that are stuck?", passages=PASSAGES, max_sentences=1
    )
    assert found.text.startswith("Restart the stuck pods:")
    assert found.cites == ("r1#Mitigation",)
    assert writer.write("answer", question="Where is the kitchen?", passages=PASSAGES, max_sentences=3) == []
    assert writer.write("answer", question="anything", passages=[], max_sentences=3) == []


def test_it_does_not_say_the_same_twice() -> None:
    twice = [Passage("1", "The disk of db-1 is full."), Passage("2", "The disk of db-1 is full!")]
    said = ExtractiveWriter().write("summary", question="What happened?", passages=twice, max_sentences=5)
    assert [one.cites for one in said] == [("1",)]


def test_every_sentence_it_takes_from_real_runbooks_holds() -> None:
    if not RUNBOOKS.is_dir():
        pytest.skip("the real runbooks are not here")
    for path in sorted(RUNBOOKS.rglob("*.md"))[::12]:
        passages = [Passage(path.name, path.read_text())]
        question = " ".join(content_words(path.stem)) + " how do I fix this?"
        said = ExtractiveWriter().write("answer", question=question, passages=passages, max_sentences=8)
        kept, dropped = verified(said, passages)
        assert (len(kept), dropped) == (len(said), []), path
