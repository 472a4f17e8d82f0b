"""What int8 costs: `python -m benchmarks.rounding ../shared/data/runbooks`.

MiniLM in float32 and as it ships, over the paragraphs of the runbooks: how near the vectors are, and what the
questions of benchmarks/runbook_questions find, by vectors alone.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.report import machine, table
from benchmarks.runbook_retrieval import SETS, questions
from gpu_endpoint.models.minilm import load_sentence_encoder

SHORTEST = 40  # characters: shorter paragraphs are headings
NEAREST = 10

Vectors = NDArray[np.float32]


def paragraphs(folder: Path) -> list[tuple[str, str]]:
    """Each once, with the name of its runbook."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*.md")):
        for part in path.read_text(errors="replace").split("\n\n"):
            if len(text := " ".join(part.split())) >= SHORTEST:
                found.setdefault(text, path.stem)
    return list(found.items())


def found_first(
    nearest: NDArray[np.int64], owners: list[str], wanted: list[frozenset[str]], first: int
) -> float:
    """Share of the questions of which one of the first paragraphs is from a runbook that answers it."""
    hits = [
        not right.isdisjoint(owners[place] for place in row[:first])
        for row, right in zip(nearest, wanted, strict=True)
    ]
    return float(np.mean(hits))


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runbooks", type=Path)
    given = parser.parse_args()
    known = paragraphs(given.runbooks)
    texts, owners = [text for text, _ in known], [owner for _, owner in known]
    asked = [one for name in SETS for one in questions(name) if one.answers]
    wanted = [one.answers for one in asked]
    print(f"{machine()}; {len(texts):,} paragraphs, {len(asked)} questions\n")
    vectors: list[Vectors] = []
    nearest: list[NDArray[np.int64]] = []
    rows = []
    with tempfile.TemporaryDirectory() as home:
        for precision in ("float32", "int8"):
            encoder = load_sentence_encoder(Path(home), precision=precision, threads=2)
            there, questioned = encoder(texts), encoder([one.question for one in asked])
            order = np.argsort(-(questioned @ there.T), axis=1)[:, :NEAREST]
            vectors.append(there)
            nearest.append(order)
            shares = (found_first(order, owners, wanted, first) for first in (1, 5))
            rows.append([precision, *(f"{share:.3f}" for share in shares)])
    print(table(["MiniLM in", "top-1", "top-5"], rows))
    cosines = (vectors[0] * vectors[1]).sum(axis=1)
    kept = [
        len(set(one) & set(two)) / NEAREST for one, two in zip(*map(np.ndarray.tolist, nearest), strict=True)
    ]
    same = float((nearest[0][:, 0] == nearest[1][:, 0]).mean())
    print(f"\ncosine of int8 to float32: mean {cosines.mean():.4f}, least {cosines.min():.4f}")
    print(
        f"of the ten nearest {np.mean(kept):.3f} are the same; the first is, of {same:.3f} of the questions"
    )


if __name__ == "__main__":
    main()
