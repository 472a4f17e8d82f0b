"""SQL of what is kept between processes: vectors of questions, and answers good until something changes."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector
from psycopg.types.json import Jsonb

from sightline.database import Connection

Vector = NDArray[np.floating[Any]]

# Rows that one write clears away of those that are too old: a few more than it adds.
CLEARED = 20


@dataclass(frozen=True, slots=True)
class Known:
    """What was asked before: the version of the data, an answer that still holds, vectors by question.

    search_id: a new one, for this asking.
    """

    search_id: UUID
    version: int
    answer: dict[str, Any] | None
    vectors: Mapping[str, Vector]
    revision: str


def question_hash(question: str) -> bytes:
    """What a question's vector is kept under."""
    return hashlib.sha256(question.encode()).digest()


def look_up(
    conn: Connection,
    *,
    key: bytes,
    model_id: str,
    questions: Sequence[str],
    answers_s: float,
    vectors_s: float,
) -> Known:
    """In one statement, since every search begins with it."""
    row = conn.execute(
        _LOOK_UP,
        {
            "key": key,
            "model_id": model_id,
            "hashes": [question_hash(question) for question in questions],
            "answers_s": answers_s,
            "vectors_s": vectors_s,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - a SELECT without FROM has one row
    by_hash = dict(zip((bytes(one) for one in row["hashes"]), row["vectors"], strict=True))
    # Vectors of two revisions do not mix: then all are asked for again.
    known = {
        q: np.asarray(by_hash[question_hash(q)].to_numpy(), np.float32)
        for q in questions
        if question_hash(q) in by_hash
    }
    return Known(
        search_id=row["search_id"],
        version=row["version"],
        answer=row["answer"],
        vectors=known if row["revisions"] == 1 else {},
        revision=row["revision"] or "",
    )


_KNOWN = """question_vector AS kept
    WHERE kept.workspace_id = app.workspace() AND kept.model_id = %(model_id)s
      AND kept.question_hash = ANY(%(hashes)s)
      AND kept.made_at > now() - make_interval(secs => %(vectors_s)s)"""
_LOOK_UP = f"""
WITH now_at AS MATERIALIZED (
    SELECT coalesce((SELECT version FROM data_version WHERE workspace_id = app.workspace()), 0) AS version)
SELECT app.uuid7() AS search_id, version,
    (SELECT kept.answer FROM kept_answer AS kept
     WHERE kept.workspace_id = app.workspace() AND kept.key = %(key)s AND kept.version = now_at.version
       AND kept.made_at > now() - make_interval(secs => %(answers_s)s)) AS answer,
    ARRAY(SELECT kept.question_hash FROM {_KNOWN} ORDER BY kept.question_hash) AS hashes,
    ARRAY(SELECT kept.vector FROM {_KNOWN} ORDER BY kept.question_hash) AS vectors,
    (SELECT max(kept.revision) FROM {_KNOWN}) AS revision,
    (SELECT count(DISTINCT kept.revision) FROM {_KNOWN}) AS revisions
FROM now_at"""  # noqa: S608 - both parts are constants


def keep_vectors(
    conn: Connection, *, model_id: str, revision: str, vectors: Mapping[str, Vector], vectors_s: float
) -> None:
    """Adds questions' vectors, and clears away some that are too old."""
    with conn.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO question_vector AS kept (workspace_id, model_id, question_hash, revision, vector)"
            " VALUES (app.workspace(), %s, %s, %s, %s) ON CONFLICT (workspace_id, model_id, question_hash)"
            " DO UPDATE SET revision = excluded.revision, vector = excluded.vector, made_at = now()",
            [(model_id, question_hash(q), revision, HalfVector(np.asarray(v))) for q, v in vectors.items()],
        )
    conn.execute(
        "DELETE FROM question_vector WHERE ctid = ANY (ARRAY(SELECT ctid FROM question_vector"
        " WHERE workspace_id = app.workspace() AND made_at < now() - make_interval(secs => %s) LIMIT %s))",
        (vectors_s, CLEARED),
    )


def keep_answer(
    conn: Connection, *, key: bytes, version: int, answer: Mapping[str, Any], answers_s: float
) -> None:
    """Keeps a first page as it was answered at this version; clears away some that are too old."""
    conn.execute(
        "INSERT INTO kept_answer AS kept (workspace_id, key, version, answer)"
        " VALUES (app.workspace(), %s, %s, %s)"
        " ON CONFLICT (workspace_id, key) DO UPDATE"
        " SET version = excluded.version, answer = excluded.answer, made_at = now()"
        " WHERE kept.version <= excluded.version",
        (key, version, Jsonb(answer)),
    )
    conn.execute(
        "DELETE FROM kept_answer WHERE ctid = ANY (ARRAY(SELECT ctid FROM kept_answer"
        " WHERE workspace_id = app.workspace() AND made_at < now() - make_interval(secs => %s) LIMIT %s))",
        (answers_s, CLEARED),
    )
