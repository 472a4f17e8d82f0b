"""A question answered from the runbooks: found, written, and every sentence checked against what it cites."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from pgvector import HalfVector

from sightline.database import Connection, Row, transaction
from sightline.errors import SightlineError
from sightline.incidents.grouping import member_store
from sightline.incidents.runbooks import answer_store, ranking, rules, searching, weighing
from sightline.incidents.runbooks.naming import spaced
from sightline.incidents.writing import Writers
from sightline.ports.inference import DocumentEmbedder
from sightline.ports.writing import Passage, Sentence
from sightline.telemetry import logger

MAX_SENTENCES = 6
MAX_ALERTS = 20
REMEMBERED = 5
"""Questions of a conversation that a follow-up may point to."""
NO_MODEL = "The model that compares meanings did not answer: the runbooks were searched by words alone."
MAX_ATTEMPTS = 5
FAILED = "It could not be answered, however often it was tried. Ask again, or ask whoever runs Sightline."
ANOTHER_WRITER = "The writing model gave nothing that holds: this is word by word from the runbooks."


@dataclass(slots=True)
class _Told:
    """What is written down about an answer at its end."""

    subject: str
    writer: str | None = None
    notes: list[str] = field(default_factory=list)
    dropped: int = 0

    def values(self) -> dict[str, Any]:
        return {
            "subject": self.subject,
            "writer": self.writer,
            "notes": self.notes,
            "dropped": self.dropped,
        }


@dataclass(frozen=True, slots=True)
class Answering:
    """Takes questions from the queue."""

    embedder: DocumentEmbedder
    writers: Writers

    def take(self, message: Mapping[str, Any]) -> None:
        """One question; handed over twice, it is answered once. Raises: DatabaseUnavailableError."""
        workspace_id, answer_id = message["workspace_id"], UUID(message["answer_id"])
        with transaction(workspace_id) as conn:
            asked = answer_store.claim(conn, answer_id)
        if asked is None:
            return
        if asked["attempts"] > MAX_ATTEMPTS:  # killed each time
            with transaction(workspace_id) as conn:
                answer_store.fail(conn, answer_id, FAILED)
            return
        try:
            self._answer(asked)
        except Exception as error:
            with transaction(workspace_id) as conn:
                _settle(conn, asked, error)
            raise

    def _answer(self, asked: Row) -> None:
        context = self._context(asked)
        told = _Told(self._subject(asked, context))
        found = self._find(asked, told, context)
        status = "not_said"
        if found.good:
            written = self.writers.write(
                "answer",
                question="\n".join(filter(None, (rules.expanded(told.subject), context))),
                passages=[_passage(piece) for piece in found.pieces],
                max_sentences=MAX_SENTENCES,
            )
            told.writer, told.dropped = written.by, written.dropped
            if written.degraded:
                told.notes.append(ANOTHER_WRITER)
            self._say(asked, written.sentences, found.pieces)
            status = "answered" if written.sentences else "not_said"
        with transaction(asked["workspace_id"]) as conn:
            answer_store.finish(conn, asked["id"], status=status, values=told.values())
        logger.info("question answered", answer_id=str(asked["id"]), status=status, sure=found.confidence)

    def _subject(self, asked: Row, context: str) -> str:
        """The question with what it follows: the one before, or what the incident is about."""
        with transaction(asked["workspace_id"]) as conn:
            earlier = answer_store.before(conn, asked, limit=REMEMBERED)
        subjects = [row["subject"] or row["question"] for row in earlier]
        return rules.subject_of(asked["question"], subjects or [context] if context else subjects)

    def _find(self, asked: Row, told: _Told, context: str) -> ranking.Found:
        """With what it follows and its incident, or, where they hide what it says itself, without."""
        found = self._look(asked, told, told.subject, context)
        alone = told.subject == asked["question"] and not context
        if found.good or alone or not rules.stands_alone(asked["question"]):
            return found
        found = self._look(asked, told, asked["question"], "")
        if found.good:
            told.subject = asked["question"]
        return found

    def _look(self, asked: Row, told: _Told, subject: str, context: str) -> ranking.Found:
        texts = [subject, rules.expanded(subject), *([context] if context else [])]
        vectors, space = self._vectors(texts, told)
        words = weighing.asked(subject, rules.expansion(subject), context, rules.understood(subject))
        with transaction(asked["workspace_id"]) as conn:
            return ranking.find(conn, searching.Query(words, vectors, space))

    def _context(self, asked: Row) -> str:
        """What the incident's alerts say."""
        if asked["incident_id"] is None:
            return ""
        with transaction(asked["workspace_id"]) as conn:
            return rules.context_of(member_store.alerts_of(conn, asked["incident_id"], limit=MAX_ALERTS))

    def _vectors(self, texts: Sequence[str], told: _Told) -> tuple[list[HalfVector], str]:
        """None where no model answers; the words must do then, and the answer says so."""
        try:
            embedding = self.embedder.embed_texts(texts)
        except SightlineError as error:
            logger.warning("searched by words alone", code=error.slug)
            told.notes = list(dict.fromkeys([*told.notes, NO_MODEL]))
            return [], ""
        return [HalfVector(row) for row in embedding.vectors], f"{embedding.model_id}@{embedding.revision}"

    def _say(self, asked: Row, sentences: Sequence[Sentence], pieces: Sequence[ranking.Piece]) -> None:
        """One by one, so that whoever waits sees each as it comes."""
        by_id = {str(piece.id): piece for piece in pieces}
        for no, sentence in enumerate(sentences, 1):
            citations = [_citation(by_id[cite], sentence.text) for cite in sentence.cites]
            with transaction(asked["workspace_id"]) as conn:
                answer_store.add_sentence(conn, asked, no, sentence.text, citations)


def _settle(conn: Connection, asked: Row, error: Exception) -> None:
    """For the next delivery, which comes because this one failed; or the end, where none would help."""
    if isinstance(error, SightlineError) and not error.retryable:
        answer_store.fail(conn, asked["id"], f"It could not be answered: {error.detail}")
    elif asked["attempts"] >= MAX_ATTEMPTS:
        answer_store.fail(conn, asked["id"], FAILED)
    else:
        answer_store.release(conn, asked["id"])


def _passage(piece: ranking.Piece) -> Passage:
    """A piece under its title and headings: they are what its words are about."""
    headings = " > ".join((spaced(piece.title), *piece.headings))
    return Passage(str(piece.id), f"# {headings}\n\n{piece.text}")


def _citation(piece: ranking.Piece, sentence: str) -> dict[str, Any]:
    """The paragraph that says what the sentence says, and its lines."""
    quote = rules.quote_of(sentence, piece.text)
    return {
        "runbook_id": str(piece.runbook_id),
        "collection": piece.collection,
        "path": piece.path,
        "title": piece.title,
        "headings": list(piece.headings),
        "first_line": piece.first_line + quote.first,
        "last_line": piece.first_line + quote.last,
        "quote": quote.text,
    }
