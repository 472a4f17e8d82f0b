"""Which runbook answers an on-call engineer's question, and which question none answers, beside plain BM25.

`python -m benchmarks.runbook_retrieval ../shared/data/runbooks` reads the runbooks as the product does (our
chunking, the shipped document model, a real Postgres) and asks the questions of benchmarks/runbook_questions;
`--sets third my/questions.txt` asks others: a line is a question, an arrow, and the names of the runbooks
that answer it (a dash: none). A question is answered rightly by any runbook it names, in any of the
repositories: several say the same. docs/copilot.md says which of the sets have been used for tuning.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from benchmarks.report import machine
from gpu_endpoint.models.minilm import SentenceEncoder, load_sentence_encoder
from local_cloud.database import prepare_database
from local_cloud.postgres import EmbeddedPostgres
from sightline.database import close_idle, transaction
from sightline.incidents.runbooks import ingest_store, reading, rules, weighing
from sightline.incidents.runbooks.ingesting import Ingesting
from sightline.incidents.runbooks.ranking import BAR, Ranked, confidence, ranked
from sightline.incidents.runbooks.searching import Query, candidates, known
from sightline.migrations import migrate
from sightline.ports.inference import Embedding
from sightline.settings import get_settings

QUESTIONS = Path(__file__).parent / "runbook_questions"
SETS = ("development", "heldout", "second", "third", "unseen", "fresh", "fresher")
BATCH = 32
HEAD = [
    *("questions", "by", "top-1", "top-5", "MRR", "refused wrongly", "answered wrongly"),
    *("answered and top-1", "answered and top-5"),
]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and the names of the runbooks that answer it: none where nothing does."""

    question: str
    answers: frozenset[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a question. place: of the first right runbook, from 0; None where it is not found."""

    answerable: bool
    place: int | None
    answered: bool


class Model:
    """The shipped document model in this process, with vectors kept in a file between runs."""

    def __init__(self, home: Path) -> None:
        self._encoder: SentenceEncoder = load_sentence_encoder(home / "models")
        self._file = home / f"vectors-{self._encoder.revision[:16]}.npz"
        self._rows: dict[str, NDArray[np.float16]] = {}
        if self._file.exists():
            kept = np.load(self._file, allow_pickle=False)
            self._rows = dict(zip(kept["texts"].tolist(), kept["vectors"], strict=True))

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        """As the endpoint does."""
        missing = sorted({text for text in texts if text not in self._rows}, key=len)
        for start in range(0, len(missing), BATCH):
            part = missing[start : start + BATCH]
            rows = np.asarray(self._encoder(part), np.float16)
            self._rows |= dict(zip(part, rows, strict=True))
        vectors = np.stack([self._rows[text] for text in texts])
        return Embedding("all-minilm-l6-v2", self._encoder.revision, vectors.shape[1], vectors)

    def keep(self) -> None:
        """For the next run."""
        np.savez(self._file, texts=np.array(list(self._rows)), vectors=np.stack(list(self._rows.values())))


def questions(name: str) -> list[Asked]:
    """One of our sets, or a file of that form."""
    path = QUESTIONS / f"{name}.txt" if name in SETS else Path(name)
    lines = path.read_text().splitlines()
    pairs = (line.rsplit(" => ", 1) for line in lines if line and not line.startswith("#"))
    return [Asked(asked, frozenset(named.split()) - {"-"}) for asked, named in pairs]


@contextmanager
def database(folder: Path) -> Iterator[str]:
    """A migrated database with one workspace."""
    with EmbeddedPostgres(folder / "pg", durable=False) as server:
        urls = prepare_database(server.url, secrets_path=folder / "roles.json")
        os.environ |= {"SIGHTLINE_DATABASE_URL": urls.app, "SIGHTLINE_OWNER_DATABASE_URL": urls.owner}
        get_settings.cache_clear()
        migrate()
        user = uuid4()
        with transaction(user_id=user) as conn:
            conn.execute("SELECT app.provision_user(%s, %s, %s)", (user, "bench@example.org", "Bench"))
            row = conn.execute("SELECT id FROM app.memberships(%s)", (user,)).fetchone()
        assert row is not None
        yield str(row["id"])
        close_idle()


def ingest(workspace_id: str, files: dict[str, str], model: Model) -> None:
    """The way of a request's files."""
    payload = reading.pack([{"path": path, "text": text} for path, text in files.items()])
    values: dict[str, Any] = {"collection": "default", "kind": "files", "place": {}, "keep_missing": False}
    with transaction(workspace_id) as conn:
        job = ingest_store.add_ingest(
            conn, {**values, "workspace_id": workspace_id, "payload": payload, "created_by": "bench"}
        )
    Ingesting(embedder=model, sources=None).take(  # type: ignore[arg-type]
        {"workspace_id": workspace_id, "ingest_id": str(job["id"])}
    )


def ours(workspace_id: str, model: Model, question: str) -> tuple[list[Ranked], float]:
    """Runbooks as the copilot ranks them, and how sure it is of the first."""
    embedding = model.embed_texts([question, rules.expanded(question)])
    words = weighing.asked(question, rules.expansion(question), "", rules.understood(question))
    space = f"{embedding.model_id}@{embedding.revision}"
    query = Query(words, list(map(HalfVector, embedding.vectors)), space)
    with transaction(workspace_id) as conn:
        told = known(conn, query.words)
        found = ranked(candidates(conn, query, told), query, told)
        return found, confidence(found, query, told)


class PlainWords:
    """BM25 over whole files, as `bm25s` has it."""

    def __init__(self, files: dict[str, str]) -> None:
        import bm25s

        self._paths = list(files)
        self._index = bm25s.BM25()
        texts = [f"{path} {text}" for path, text in files.items()]
        self._index.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
        self._tokenize = bm25s.tokenize

    def ranked(self, question: str) -> list[str]:
        """Paths, best first."""
        asked = self._tokenize(question, stopwords="en", show_progress=False)
        found, _ = self._index.retrieve(asked, k=len(self._paths), show_progress=False)
        return [self._paths[int(place)] for place in found[0]]


def names(paths: Sequence[str]) -> list[str]:
    """Each runbook's name once: the same runbook lies in several repositories."""
    return list(dict.fromkeys(PurePosixPath(path).stem for path in paths))


def outcome(asked: Asked, paths: Sequence[str], *, answered: bool) -> Outcome:
    place = next((at for at, name in enumerate(names(paths)) if name in asked.answers), None)
    return Outcome(bool(asked.answers), place, answered)


def figures(outcomes: Sequence[Outcome]) -> list[str]:
    """top-1, top-5, MRR, answerable ones that were refused, unanswerable ones that were answered; at last the
    first two with a refusal as a miss.
    """
    right = [one for one in outcomes if one.answerable]
    none = [one for one in outcomes if not one.answerable]
    places = [one.place for one in right if one.place is not None]
    shares = (
        sum(place == 0 for place in places) / len(right),
        sum(place < 5 for place in places) / len(right),
        sum(1 / (place + 1) for place in places) / len(right),
    )
    refused = sum(not one.answered for one in right)
    wrong = sum(one.answered for one in none)
    said = [one.place for one in right if one.answered and one.place is not None]
    kept = (sum(place == 0 for place in said) / len(right), sum(place < 5 for place in said) / len(right))
    return [
        *(f"{share:.3f}" for share in shares),
        *(f"{refused} of {len(right)}", f"{wrong} of {len(none)}"),
        *(f"{share:.3f}" for share in kept),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--sets", nargs="+", default=list(SETS), help="names of ours, or paths")
    parser.add_argument("--home", type=Path, default=Path("build/benchmarks/runbooks"))
    parser.add_argument("--no-peer", action="store_true", help="without BM25")
    parser.add_argument("--show", action="store_true", help="each question that is not answered rightly")
    options = parser.parse_args()
    options.home.mkdir(parents=True, exist_ok=True)
    model = Model(options.home)
    root: Path = options.corpus
    files = {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*.md"))}
    rows = []
    with tempfile.TemporaryDirectory() as folder, database(Path(folder)) as workspace_id:
        ingest(workspace_id, files, model)
        model.keep()
        peer = None if options.no_peer else PlainWords(files)
        for name in options.sets:
            mine = []
            for asked in questions(name):
                found, sure = ours(workspace_id, model, asked.question)
                one = outcome(asked, [at.path for at in found], answered=sure >= BAR)
                mine.append(one)
                if options.show and (one.place != 0 or one.answered != one.answerable):
                    print(f"{sure:.3f}", one, asked.question, names([at.path for at in found])[:3])
            rows.append([Path(name).stem, "Sightline", *figures(mine)])
            if peer:
                plain = [outcome(a, peer.ranked(a.question), answered=True) for a in questions(name)]
                rows.append([Path(name).stem, "BM25", *figures(plain)])
        model.keep()
    print(machine())
    for row in [HEAD, *rows]:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
