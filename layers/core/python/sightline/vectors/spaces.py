"""Embedding spaces: which table holds the vectors of which model."""

from dataclasses import dataclass

from psycopg import sql
from psycopg.rows import class_row

from sightline.database import Connection

FRAME = "frame"
_COLUMNS = "id, model_id, dim, modality, table_name"


@dataclass(frozen=True, slots=True)
class Space:
    """One typed table of vectors; `table_name` is the registry's, never a caller's."""

    id: int
    model_id: str
    dim: int
    modality: str
    table_name: str

    @property
    def table(self) -> sql.Identifier:
        """The table's name, quoted."""
        return sql.Identifier(self.table_name)


def ensure_space(conn: Connection, *, model_id: str, dim: int, modality: str = FRAME) -> Space:
    """The space of a model, made when this is its first vector; safe when two call at once."""
    cursor = conn.cursor(row_factory=class_row(Space))
    cursor.execute(f"SELECT {_COLUMNS} FROM app.ensure_space(%s, %s, %s)", (model_id, dim, modality))  # noqa: S608
    space = cursor.fetchone()
    assert space is not None  # noqa: S101 - the function returns one row or raises
    return space


def find_space(conn: Connection, *, model_id: str, dim: int, modality: str = FRAME) -> Space | None:
    """The space of a model; None while nothing was indexed with it."""
    cursor = conn.cursor(row_factory=class_row(Space))
    cursor.execute(
        f"SELECT {_COLUMNS} FROM vector_space WHERE model_id = %s AND dim = %s AND modality = %s",  # noqa: S608
        (model_id, dim, modality),
    )
    return cursor.fetchone()


def space_of_model(conn: Connection, model_id: str, *, modality: str = FRAME) -> Space | None:
    """The newest space of a model, whatever its dimension; None while nothing was indexed with it."""
    cursor = conn.cursor(row_factory=class_row(Space))
    cursor.execute(
        f"SELECT {_COLUMNS} FROM vector_space WHERE model_id = %s AND modality = %s ORDER BY id DESC LIMIT 1",  # noqa: S608
        (model_id, modality),
    )
    return cursor.fetchone()


def every_space(conn: Connection, *, modality: str | None = None) -> list[Space]:
    """All spaces, or those of one modality."""
    cursor = conn.cursor(row_factory=class_row(Space))
    cursor.execute(
        f"SELECT {_COLUMNS} FROM vector_space WHERE %s::text IS NULL OR modality = %s ORDER BY id",  # noqa: S608
        (modality, modality),
    )
    return cursor.fetchall()
