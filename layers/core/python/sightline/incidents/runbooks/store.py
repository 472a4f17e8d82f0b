"""SQL of runbooks and their pieces. Every statement runs in the caller's transaction and workspace."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from pgvector import HalfVector

from sightline.database import Connection, Row
from sightline.incidents.runbooks.chunking import Chunk
from sightline.incidents.runbooks.naming import names_of, titles_of
from sightline.vectors.packing import PackedHalfvecs, teach_packing


def lock_collection(conn: Connection, workspace_id: UUID, collection: str) -> None:
    """One reading at a time writes into a collection."""
    conn.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended(%s, hashtext('runbooks')))",
        (f"{workspace_id} {collection}",),
    )


def known(conn: Connection, collection: str) -> dict[str, Row]:
    """What the collection holds, by path."""
    rows = conn.execute(
        "SELECT id, path, content_hash, space, read_by FROM runbook WHERE collection = %s", (collection,)
    ).fetchall()
    return {row["path"]: row for row in rows}


def known_one(conn: Connection, collection: str, path: str) -> Row | None:
    """One of them."""
    return conn.execute(
        "SELECT id, content_hash, space FROM runbook WHERE collection = %s AND path = %s", (collection, path)
    ).fetchone()


def chunk_hashes(conn: Connection, runbook_id: UUID) -> set[bytes]:
    """What pieces of a runbook have vectors."""
    rows = conn.execute("SELECT hash FROM runbook_chunk WHERE runbook_id = %s", (runbook_id,)).fetchall()
    return {bytes(row["hash"]) for row in rows}


def still_so(conn: Connection, job: Row, runbook_ids: Sequence[UUID]) -> int:
    """These were read and have not changed; answers how many this reading had not seen before."""
    seen = conn.execute(
        "UPDATE runbook SET read_by = %s WHERE id = ANY(%s) AND read_by < %s",
        (job["id"], list(runbook_ids), job["id"]),
    )
    return seen.rowcount


def put_runbook(conn: Connection, values: Mapping[str, Any]) -> UUID | None:
    """A runbook as it is now, without its pieces; None when a later reading wrote it already."""
    row = conn.execute(
        "INSERT INTO runbook (workspace_id, collection, path, title, about, impact, content, content_hash,"
        " space, named, gist, words, read_by) VALUES (%(workspace_id)s, %(collection)s, %(path)s, %(title)s,"
        " %(about)s, %(impact)s, %(content)s, %(content_hash)s, %(space)s, %(named)b::halfvec(384),"
        " %(gist)b::halfvec(384),"
        " setweight(to_tsvector('english', %(titles)s), 'A')"
        " || setweight(to_tsvector('english', %(about)s || ' ' || %(impact)s), 'B')"
        " || setweight(to_tsvector('english', %(names)s), 'C') || to_tsvector('english', %(content)s),"
        " %(read_by)s)"
        " ON CONFLICT (workspace_id, collection, path) DO UPDATE SET title = excluded.title,"
        " about = excluded.about, impact = excluded.impact, words = excluded.words,"
        " content = excluded.content, content_hash = excluded.content_hash, space = excluded.space,"
        " named = excluded.named, gist = excluded.gist, read_by = excluded.read_by, updated_at = now()"
        " WHERE runbook.read_by <= excluded.read_by RETURNING id",
        {
            **values,
            "titles": titles_of(values["path"], values["title"]),
            "names": names_of(values["path"], values["content"]),
        },
    ).fetchone()
    return row["id"] if row else None


def drop_chunks(conn: Connection, runbook_id: UUID, *, keep: Sequence[bytes]) -> None:
    """Pieces that are no longer said."""
    conn.execute(
        "DELETE FROM runbook_chunk WHERE runbook_id = %s AND hash <> ALL(%s)", (runbook_id, list(keep))
    )


def move_chunk(conn: Connection, runbook_id: UUID, place: int, chunk: Chunk, digest: bytes) -> None:
    """A piece that is there already, at its place of today."""
    conn.execute(
        "UPDATE runbook_chunk SET place = %s, first_line = %s, last_line = %s"
        " WHERE runbook_id = %s AND hash = %s AND (place, first_line, last_line) <> (%s, %s, %s)",
        (
            *(place, chunk.first_line, chunk.last_line),
            *(runbook_id, digest),
            *(place, chunk.first_line, chunk.last_line),
        ),
    )


def add_chunk(
    conn: Connection,
    runbook: Mapping[str, Any],
    place: int,
    chunk: Chunk,
    *,
    title: str,
    vector: HalfVector,
    sentences: PackedHalfvecs | None,
) -> None:
    """A new piece with its vectors."""
    row = conn.execute(
        "INSERT INTO runbook_chunk (workspace_id, runbook_id, place, headings, text, first_line, last_line,"
        " hash, vector) VALUES (%(workspace_id)s, %(runbook_id)s, %(place)s, %(headings)s, %(text)s,"
        " %(first_line)s, %(last_line)s, %(hash)s,"
        " %(vector)b::halfvec(384))"
        " RETURNING id",
        {
            "workspace_id": runbook["workspace_id"],
            "runbook_id": runbook["id"],
            "place": place,
            "headings": list(chunk.headings),
            "text": chunk.text,
            "first_line": chunk.first_line,
            "last_line": chunk.last_line,
            "hash": chunk.hash_under(title),
            "vector": vector,
        },
    ).fetchone()
    assert row is not None  # noqa: S101 - RETURNING of one inserted row
    if sentences is None:
        return
    cursor = conn.cursor()
    teach_packing(cursor)
    cursor.execute(
        "INSERT INTO runbook_sentence (workspace_id, chunk_id, place, vector)"
        " SELECT %s, %s, said.place - 1, said.vector"
        " FROM unnest(%b::halfvec[]) WITH ORDINALITY AS said (vector, place)",
        (runbook["workspace_id"], row["id"], sentences),
    )


def delete_paths(conn: Connection, job: Row, *, keep: Sequence[str]) -> int:
    """What is no longer among the files, unless a later reading brought it."""
    gone = conn.execute(
        "DELETE FROM runbook WHERE collection = %s AND path <> ALL(%s) AND read_by <= %s",
        (job["collection"], list(keep), job["id"]),
    )
    return gone.rowcount


def delete_runbook(conn: Connection, runbook_id: UUID) -> bool:
    return conn.execute("DELETE FROM runbook WHERE id = %s", (runbook_id,)).rowcount == 1


def runbooks(conn: Connection, *, collection: str | None, before: UUID | None, limit: int) -> list[Row]:
    """Newest first."""
    return conn.execute(
        "SELECT id, collection, path, title, updated_at,"
        " (SELECT count(*)::int FROM runbook_chunk WHERE runbook_id = runbook.id) AS chunks FROM runbook"
        " WHERE (%(collection)s::text IS NULL OR collection = %(collection)s)"
        " AND (%(before)s::uuid IS NULL OR id < %(before)s) ORDER BY id DESC LIMIT %(limit)s",
        {"collection": collection, "before": before, "limit": limit},
    ).fetchall()


def runbook(conn: Connection, runbook_id: UUID) -> Row | None:
    return conn.execute("SELECT * FROM runbook WHERE id = %s", (runbook_id,)).fetchone()


def chunks(conn: Connection, runbook_id: UUID) -> list[Row]:
    """In the order of the file."""
    return conn.execute(
        "SELECT headings, first_line, last_line, text FROM runbook_chunk WHERE runbook_id = %s"
        " ORDER BY place",
        (runbook_id,),
    ).fetchall()
