"""Points are written once however often they are sent, and stay in their workspace."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, LiteralString
from uuid import UUID, uuid4

import numpy as np
import psycopg
import pytest

from sightline.database import Connection, transaction
from sightline.vectors.spaces import Space, find_space
from sightline.vectors.store import (
    ensure_space,
    promote_run,
    replace_sheet_points,
)
from tests.component.footage import DIM, MODEL, Vectors, frames_showing
from tests.conftest import Workspace

pytestmark = pytest.mark.component


def write(
    conn: Connection,
    workspace: Workspace,
    asset_id: UUID,
    vectors: Vectors,
    *,
    run: int = 1,
    sheet_no: int = 0,
) -> int:
    """One sheet of a frame a second."""
    return replace_sheet_points(
        conn,
        space=ensure_space(conn, model_id=MODEL, dim=DIM),
        workspace_id=workspace.id,
        asset_id=asset_id,
        run=run,
        sheet_no=sheet_no,
        times_s=[float(i) for i in range(len(vectors))],
        vectors=vectors,
    )


def points(workspace: Workspace, asset_id: UUID) -> list[dict[str, Any]]:
    with transaction(workspace.id) as conn:
        space = ensure_space(conn, model_id=MODEL, dim=DIM)
        return conn.execute(
            psycopg.sql.SQL("SELECT * FROM {} WHERE asset_id = %s ORDER BY run, sheet_no, tile").format(
                space.table
            ),
            (asset_id,),
        ).fetchall()


def test_what_is_written_is_read_back_in_the_order_of_the_tiles(workspace: Workspace) -> None:
    asset_id, vectors = uuid4(), frames_showing(["a truck", "a bridge", ""])
    with transaction(workspace.id) as conn:
        assert write(conn, workspace, asset_id, vectors, sheet_no=7) == 3
    found = points(workspace, asset_id)
    assert [(row["sheet_no"], row["tile"], row["time_s"]) for row in found] == [
        (7, 0, 0.0),
        (7, 1, 1.0),
        (7, 2, 2.0),
    ]
    stored = np.stack([row["embedding"].to_numpy() for row in found])
    np.testing.assert_array_equal(stored, vectors.astype(np.float16))


def test_a_sheet_sent_again_replaces_itself(workspace: Workspace) -> None:
    asset_id = uuid4()
    with transaction(workspace.id) as conn:
        write(conn, workspace, asset_id, frames_showing(["a truck"] * 5))
        write(conn, workspace, asset_id, frames_showing(["a bus"] * 2), sheet_no=1)
    with transaction(workspace.id) as conn:
        write(conn, workspace, asset_id, frames_showing(["a truck"] * 3))
    assert [(row["sheet_no"], row["tile"]) for row in points(workspace, asset_id)] == [
        (0, 0),
        (0, 1),
        (0, 2),
        (1, 0),
        (1, 1),
    ]


@pytest.mark.parametrize("shape", [(2, DIM), (3, DIM - 1)])
def test_vectors_that_do_not_fit_are_refused(workspace: Workspace, shape: tuple[int, int]) -> None:
    with transaction(workspace.id) as conn, pytest.raises(ValueError, match="do not fit"):
        replace_sheet_points(
            conn,
            space=ensure_space(conn, model_id=MODEL, dim=DIM),
            workspace_id=workspace.id,
            asset_id=uuid4(),
            run=1,
            sheet_no=0,
            times_s=[0.0, 1.0, 2.0],
            vectors=np.zeros(shape, np.float32),
        )


def test_a_vector_that_is_not_a_number_never_gets_in(workspace: Workspace) -> None:
    broken = np.full((1, DIM), np.nan, np.float32)
    with pytest.raises(psycopg.errors.DataError), transaction(workspace.id) as conn:
        write(conn, workspace, uuid4(), broken)


def test_points_belong_to_the_workspace_that_wrote_them(
    workspace: Workspace, other_workspace: Workspace
) -> None:
    asset_id = uuid4()
    with transaction(workspace.id) as conn:
        write(conn, workspace, asset_id, frames_showing(["a truck"] * 3))
    assert points(other_workspace, asset_id) == []
    with transaction(other_workspace.id) as conn:
        assert promote_run(conn, asset_id=asset_id, run=9) == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(other_workspace.id) as conn:
        write(conn, workspace, asset_id, frames_showing(["a bus"]))
    assert len(points(workspace, asset_id)) == 3


def test_promoting_a_run_removes_the_others(workspace: Workspace) -> None:
    asset_id, other_asset = uuid4(), uuid4()
    with transaction(workspace.id) as conn:
        for run in (1, 2, 3):
            write(conn, workspace, asset_id, frames_showing(["a truck"] * run), run=run)
        write(conn, workspace, other_asset, frames_showing(["a truck"]), run=1)
        assert promote_run(conn, asset_id=asset_id, run=2) == 4
    assert [row["run"] for row in points(workspace, asset_id)] == [2, 2]
    assert len(points(workspace, other_asset)) == 1


def test_two_who_need_a_new_space_at_once_get_the_same_one(workspace: Workspace) -> None:
    model_id = f"model-{uuid4().hex}"

    def first_sheet(_: int) -> Space:
        with transaction(workspace.id) as conn:
            return ensure_space(conn, model_id=model_id, dim=32)

    with ThreadPoolExecutor(4) as threads:
        spaces = set(threads.map(first_sheet, range(4)))
    assert len(spaces) == 1
    with transaction(workspace.id) as conn:
        assert find_space(conn, model_id=model_id, dim=32) in spaces
        assert find_space(conn, model_id=model_id, dim=33) is None


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id integer)",
        "INSERT INTO vector_space (model_id, dim, modality) VALUES ('m', 2, 'frame')",
        "SELECT app.make_space_table(NULL)",
    ],
)
def test_the_application_role_makes_no_table_by_itself(
    workspace: Workspace, statement: LiteralString
) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(workspace.id) as conn:
        conn.execute(statement)


@pytest.mark.parametrize(
    ("model_id", "dim", "modality"), [("m", 0, "frame"), ("m", 4001, "frame"), ("", 8, "x")]
)
def test_a_space_that_cannot_be_is_refused(
    workspace: Workspace, model_id: str, dim: int, modality: str
) -> None:
    with pytest.raises(psycopg.errors.CheckViolation), transaction(workspace.id) as conn:
        ensure_space(conn, model_id=model_id, dim=dim, modality=modality)
