"""SQL of concepts and their versions."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from sightline.database import Connection, Row

_VERSION = (
    "version, status, model_id, dim, metrics, failure_code, failure_reason, created_at, trained_at, kept_at"
)
_CONCEPT = (
    "SELECT concept.*,"
    " (SELECT count(*) FROM concept_mark AS mark WHERE mark.concept_id = concept.id AND mark.yes) AS yes,"
    " (SELECT count(*) FROM concept_mark AS mark WHERE mark.concept_id = concept.id AND NOT mark.yes) AS no,"
    " (SELECT count(*) FROM concept_asset AS applied WHERE applied.concept_id = concept.id"
    "   AND applied.version = concept.kept_version) AS videos_applied,"
    " (SELECT count(*) FROM asset WHERE asset.ready_run IS NOT NULL AND asset.deleted_at IS NULL) AS videos,"
    " (SELECT to_jsonb(latest) FROM (SELECT version, status, model_id, dim, metrics, failure_code,"
    "   failure_reason, created_at, trained_at, kept_at FROM concept_version AS trained"
    "   WHERE trained.concept_id = concept.id ORDER BY version DESC LIMIT 1) AS latest) AS latest"
    " FROM concept"
)


def add_concept(conn: Connection, *, workspace_id: str, name: str, description: str, by: str) -> UUID | None:
    """None when the name is taken."""
    row = conn.execute(
        "INSERT INTO concept (workspace_id, name, description, created_by) VALUES (%s, %s, %s, %s)"
        " ON CONFLICT (workspace_id, name) DO NOTHING RETURNING id",
        (workspace_id, name, description, by),
    ).fetchone()
    return row["id"] if row else None


def count_concepts(conn: Connection) -> int:
    row = conn.execute("SELECT count(*) AS n FROM concept").fetchone()
    return int(row["n"]) if row else 0


def concept(conn: Connection, concept_id: UUID) -> Row | None:
    """With its marks counted, and its latest training."""
    return conn.execute(f"{_CONCEPT} WHERE concept.id = %s", (concept_id,)).fetchone()


def concepts(conn: Connection, *, after: str | None, name: str | None, limit: int) -> list[Row]:
    """In order of names."""
    return conn.execute(
        f"{_CONCEPT} WHERE (%(after)s::text IS NULL OR name > %(after)s)"
        " AND (%(name)s::text IS NULL OR name = %(name)s) ORDER BY name LIMIT %(limit)s",
        {"after": after, "name": name, "limit": limit},
    ).fetchall()


def lock_concept(conn: Connection, concept_id: UUID, *, share: bool = False) -> Row | None:
    """Holds keeping, retraining and deletion back until this transaction ends."""
    how = "SHARE" if share else "UPDATE"
    return conn.execute(f"SELECT * FROM concept WHERE id = %s FOR {how}", (concept_id,)).fetchone()  # noqa: S608


def delete_concept(conn: Connection, concept_id: UUID, *, tag: str) -> None:
    """With its marks, versions and hits, and the tags it put on videos."""
    remove_tag(conn, tag)
    conn.execute("DELETE FROM concept WHERE id = %s", (concept_id,))


def remove_tag(conn: Connection, tag: str) -> None:
    """From every video."""
    conn.execute(
        "UPDATE asset SET tags = array_remove(tags, %(tag)s), updated_at = now()"
        " WHERE tags @> ARRAY[%(tag)s]",
        {"tag": tag},
    )


def add_version(conn: Connection, values: Mapping[str, Any]) -> Row:
    """The next version, in the state it is given."""
    row = conn.execute(
        "WITH next AS (UPDATE concept SET last_version = last_version + 1, updated_at = now()"
        "  WHERE id = %(concept_id)s RETURNING workspace_id, id, last_version)"
        " INSERT INTO concept_version (workspace_id, concept_id, version, status, model_id, dim, weights,"
        "  bias, calibration, metrics, marks, trained_at, created_by)"
        " SELECT workspace_id, id, last_version, %(status)s, %(model_id)s, %(dim)s, %(weights)s, %(bias)s,"
        "  %(calibration)s, %(metrics)s, %(marks)s, CASE WHEN %(status)s = 'draft' THEN now() END, %(by)s"
        " FROM next RETURNING *",
        values,
    ).fetchone()
    assert row is not None  # noqa: S101 - the caller holds the concept's row
    return row


def version(conn: Connection, concept_id: UUID, number: int) -> Row | None:
    return conn.execute(
        "SELECT * FROM concept_version WHERE concept_id = %s AND version = %s", (concept_id, number)
    ).fetchone()


def queued_version(conn: Connection, concept_id: UUID) -> Row | None:
    """A training that has not ended."""
    return conn.execute(
        "SELECT * FROM concept_version WHERE concept_id = %s AND status = 'queued'"
        " ORDER BY version DESC LIMIT 1",
        (concept_id,),
    ).fetchone()


def versions(conn: Connection, concept_id: UUID, *, before: int | None, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        f"SELECT {_VERSION} FROM concept_version WHERE concept_id = %s"  # noqa: S608
        " AND (%s::integer IS NULL OR version < %s) ORDER BY version DESC LIMIT %s",
        (concept_id, before, before, limit),
    ).fetchall()


def end_training(conn: Connection, concept_id: UUID, number: int, learnt: Mapping[str, Any]) -> bool:
    """Writes a draft down, once; False when the training had ended."""
    done = conn.execute(
        "UPDATE concept_version SET status = 'draft', model_id = %(model_id)s, dim = %(dim)s,"
        " weights = %(weights)s, bias = %(bias)s, calibration = %(calibration)s, metrics = %(metrics)s,"
        " marks = %(marks)s, trained_at = now()"
        " WHERE concept_id = %(concept_id)s AND version = %(version)s AND status = 'queued'",
        {**learnt, "concept_id": concept_id, "version": number},
    )
    return done.rowcount == 1


def fail_training(conn: Connection, concept_id: UUID, number: int, *, code: str, reason: str) -> None:
    conn.execute(
        "UPDATE concept_version SET status = 'failed', failure_code = %s, failure_reason = %s,"
        " trained_at = now() WHERE concept_id = %s AND version = %s AND status = 'queued'",
        (code, reason, concept_id, number),
    )


def keep(conn: Connection, concept_id: UUID, number: int, *, bar: float) -> None:
    """This version from now on; answers that were kept for repeated searches are void."""
    conn.execute(
        "UPDATE concept_version SET status = CASE WHEN version = %(version)s THEN 'kept' ELSE 'retired' END,"
        " kept_at = CASE WHEN version = %(version)s THEN now() ELSE kept_at END"
        " WHERE concept_id = %(id)s AND (version = %(version)s OR status = 'kept')",
        {"id": concept_id, "version": number},
    )
    conn.execute(
        "UPDATE concept SET kept_version = %s, bar = %s, updated_at = now() WHERE id = %s",
        (number, bar, concept_id),
    )
    conn.execute("SELECT app.raise_version(app.workspace())")


def as_json(value: Any) -> Jsonb | None:
    """For a jsonb column."""
    return None if value is None else Jsonb(value)
