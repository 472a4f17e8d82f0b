"""How far frames must stand out against captions, learned anew: `python -m benchmarks.verdict_learning`.

Rendered drives that benchmarks.retrieval does not measure, each as a workspace and in pieces of a minute, are
asked its prompts of one step, by the code that answers POST /v1/search. Logistic regression of whether a
match is there, on how far the best frames stand out and on what speaks against the question, gives BAR and
PER_E_FOLD of sightline/vectors/captions.py. Another model needs it anew.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.drive_workspaces import asked, database, embedded, embedder_of, index, new_workspace
from benchmarks.judging import truth
from benchmarks.prompts import NOWHERE, PROMPTS
from benchmarks.report import machine, table
from benchmarks.timelines import Timeline, timeline
from benchmarks.usual import some
from gpu_endpoint.training.bundled import MODEL_ID
from sightline.ports.inference import Embedder
from sightline.vectors.captions import BAR, PER_E_FOLD, captions, doubt_of, novelty_of

DRIVES = range(1, 13)
PIECE = 60  # frames, one a second
ASKED = [prompt for prompt in [*PROMPTS, *NOWHERE] if not prompt.then]


class Case(NamedTuple):
    """What the verdict weighed, and whether a match was there."""

    height: float
    doubt: float
    shown: bool


def pieces(drive: Timeline, vectors: NDArray[np.float32]) -> Iterator[tuple[Timeline, NDArray[np.float32]]]:
    """The drive, and every minute of it."""
    yield drive, vectors
    for start in range(0, len(vectors) - PIECE + 1, PIECE):
        yield some(drive, range(start, start + PIECE)), vectors[start : start + PIECE]


def novelties(embedder: Embedder) -> dict[str, float]:
    """Of every prompt."""
    texts = [prompt.text for prompt in ASKED]
    bank, questions = (embedder.embed_texts(said).vectors for said in (captions(), texts))
    return {text: novelty_of(question, bank) for text, question in zip(texts, questions, strict=True)}


def cases(
    drive: Timeline, vectors: NDArray[np.float32], embedder: Embedder, novelty: Mapping[str, float]
) -> Iterator[Case]:
    """Of the prompts that captions were held against."""
    principal = new_workspace()
    index(principal, drive, vectors, MODEL_ID)
    for prompt in ASKED:
        verdict = asked(principal, prompt.request({}), embedder).verdict
        if verdict.height is not None and verdict.described is not None:
            rivals = np.asarray((1 - verdict.described) * len(captions()))
            doubt = doubt_of(rivals, novelty[prompt.text])
            yield Case(verdict.height, float(doubt), bool(truth(drive, prompt)))


def learn(seen: Sequence[Case]) -> tuple[float, float]:
    """BAR and PER_E_FOLD: where a match is as likely as none."""
    fitted = LogisticRegression(C=np.inf).fit([one[:2] for one in seen], [one.shown for one in seen])
    (height, doubt), shift = fitted.coef_[0], fitted.intercept_[0]
    return float(-shift / height), float(-doubt / height)


def row_of(name: str, bar: float, per_e_fold: float, seen: Sequence[Case]) -> list[str]:
    """One line of the table."""
    let = {True: 0, False: 0}
    for one in seen:
        let[one.shown] += one.height >= bar + per_e_fold * one.doubt
    shown = sum(one.shown for one in seen)
    return [
        name, f"{bar:.2f}", f"{per_e_fold:.2f}", f"{let[True]} of {shown}",
        f"{let[False]} of {len(seen) - shown}",
    ]  # fmt: skip


def main() -> None:
    """Renders what is not there yet, asks, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drives", type=int, nargs="+", default=DRIVES, help="their seeds")
    options = parser.parse_args()
    print(machine())
    embedder = embedder_of(None, MODEL_ID)
    novelty = novelties(embedder)
    seen: list[Case] = []
    with database():
        for seed in options.drives:
            drive = timeline(seed)
            for part, vectors in pieces(drive, embedded(drive, embedder)):
                seen += cases(part, vectors, embedder, novelty)
    print(f"model {MODEL_ID}, {len(seen)} answers that captions were held against\n")
    header = ["", "BAR", "PER_E_FOLD", "let through, with a match", "without"]
    rows = [row_of("as it is", BAR, PER_E_FOLD, seen), row_of("learned", *learn(seen), seen)]
    print(table(header, rows))


if __name__ == "__main__":
    main()
