"""Searching through the graph: as good as exactly, never short, and said to be what it is."""

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import numpy as np
import psycopg
import pytest
from pgvector import HalfVector
from psycopg import sql

from functions.index_vectors.handler import handler as index_vectors
from sightline.database import close_idle, owner_connection, transaction
from sightline.scenarios import store
from sightline.scenarios.composed import Direction
from sightline.scenarios.schemas import Filters, FrameHit
from sightline.vectors import indexes
from sightline.vectors.background import background_sample
from sightline.vectors.search import Plan, choose_path, table_state
from sightline.vectors.spaces import Space, find_space
from tests.component.conftest import LambdaContext, sample
from tests.component.footage import DIM, Vectors, index_video, unit
from tests.conftest import Database, Workspace, new_workspace

pytestmark = pytest.mark.component

MODEL = "crowded-64"
FRAMES_A_VIDEO = 1000


def scenes(frames: int, *, seed: int) -> Vectors:
    """Footage as it is: ten-second scenes around what all footage has in common (never uniform noise)."""
    random = np.random.default_rng(seed)
    common = np.random.default_rng(0).standard_normal(DIM)
    scene = np.repeat(random.standard_normal((frames // 10 + 1, DIM)), 10, axis=0)[:frames]
    return unit(common + 0.7 * scene + 0.2 * random.standard_normal((frames, DIM)))


@pytest.fixture(scope="module")
def crowd(database: Database) -> tuple[Workspace, Workspace]:
    """A workspace of 11,000 frames beside one of 600; the function itself builds the graph."""
    large, small = new_workspace(), new_workspace()
    for number in range(11):
        vectors = scenes(FRAMES_A_VIDEO, seed=number + 1)
        index_video(large, vectors, name=f"{number}", tags=[f"t{number}"], model_id=MODEL)
    index_video(small, scenes(600, seed=99), name="small", model_id=MODEL)
    # Other modules may have left enough frames of another model for a graph of theirs.
    assert {"built": indexes.index_name(table_of(large))} in maintain()["done"]
    return large, small


def maintain() -> dict[str, Any]:
    answer: dict[str, Any] = index_vectors(sample("index_vectors/tick"), LambdaContext())
    return answer


def table_of(workspace: Workspace) -> Space:
    with transaction(workspace.id) as conn:
        space = find_space(conn, model_id=MODEL, dim=DIM)
    assert space is not None
    return space


def has_graph(workspace: Workspace) -> bool:
    """Whether a search may go through the graph now."""
    with transaction(workspace.id) as conn:
        return table_state(conn, table_of(workspace)).indexed


Asked = tuple[Plan, list[FrameHit]]


def ask(
    workspace: Workspace, query: Vectors, *, path: str | None = None, frames: int = 200, **filters: Any
) -> Asked:
    """One ranking, by the way the search would go, or by the given one."""
    space, wanted = table_of(workspace), Filters(**filters)
    with transaction(workspace.id) as conn:
        matching = store.count_matching(conn, wanted)
        chosen = choose_path(
            matching=matching, wanted=frames, table=table_state(conn, space), exact_rows=5000
        )
        step = Direction(HalfVector(query))
        plan, hits = store.find_frames(
            conn,
            space=space,
            target=store.target_of(step, space=space, typical_score=0.5, filters=wanted),
            plan=Plan(path or chosen, matching, frames, complete=True),  # type: ignore[arg-type]
        )
    return plan, [hit for hit in hits if hit.ranked]


def queries(seed: int = 3) -> Vectors:
    return scenes(FRAMES_A_VIDEO, seed=seed)[::100]


def frames_of(hits: list[FrameHit], n: int) -> set[tuple[str, float]]:
    return {(hit.asset_name, hit.time_s) for hit in hits[:n]}


def test_the_graph_finds_what_comparing_every_frame_finds(crowd: tuple[Workspace, Workspace]) -> None:
    large, _ = crowd
    recalls = []
    for query in queries():
        plan, through_graph = ask(large, query, path="hnsw")
        assert (plan.path, plan.candidates, plan.complete) == ("hnsw", 200, True)
        exact_plan, exactly = ask(large, query, path="exact")
        assert exact_plan.path == "exact"
        assert [hit.score for hit in through_graph] == sorted((h.score for h in through_graph), reverse=True)
        recalls.append(len(frames_of(through_graph, 10) & frames_of(exactly, 10)) / 10)
    assert np.mean(recalls) >= 0.98


def test_of_a_longer_walk_the_best_are_kept(crowd: tuple[Workspace, Workspace]) -> None:
    large, _ = crowd
    space = table_of(large)
    for query in queries():
        target = store.target_of(
            Direction(HalfVector(query)), space=space, typical_score=0.5, filters=Filters()
        )
        found = []
        with transaction(large.id) as conn:
            matching = store.count_matching(conn, Filters())
            for walk in (0, 2000):
                plan = Plan("hnsw", matching, 20, complete=True, walk=walk)
                told, hits = store.find_frames(conn, space=space, target=target, plan=plan)
                assert (told.path, told.candidates) == ("hnsw", 20)
                found.append([hit.score for hit in hits if hit.ranked])
        short, long = found
        assert all(farther >= nearer for nearer, farther in zip(short, long, strict=True))


def test_a_small_workspace_among_large_ones_is_searched_exactly_and_in_full(
    crowd: tuple[Workspace, Workspace],
) -> None:
    large, small = crowd
    for query in queries():
        plan, hits = ask(small, query)
        assert (plan.path, plan.matching, plan.complete) == ("exact", 600, True)
        assert len(hits) == 200
        assert {hit.asset_name for hit in hits} == {"small"}
    plan, _ = ask(large, queries()[0], tags=["t3"])
    assert (plan.path, plan.matching) == ("exact", FRAMES_A_VIDEO)


def test_a_video_that_is_indexed_anew_counts_the_frames_that_are_shown(database: Database) -> None:
    workspace = new_workspace()
    index_video(workspace, scenes(100, seed=5), name="again", model_id=MODEL)

    def counted(change: str) -> int:
        with transaction(workspace.id) as conn:
            conn.execute(f"UPDATE asset SET {change}")  # noqa: S608 - the test's own words
            return store.count_matching(conn, Filters())

    assert counted("frames_total = 100") == 100
    assert counted("frames_total = NULL") == 100
    assert counted("run = run + 1, frames_total = 7") == 100


@pytest.fixture
def short_sighted(database: Database) -> Iterator[None]:
    """The graph gives up after its first list of candidates."""
    with psycopg.connect(database.admin_url, autocommit=True) as admin:
        admin.execute("ALTER ROLE sightline_app SET hnsw.max_scan_tuples = 1")
        close_idle()
        yield
        admin.execute("ALTER ROLE sightline_app RESET hnsw.max_scan_tuples")
    close_idle()


def test_an_under_return_of_the_graph_is_answered_exactly(
    crowd: tuple[Workspace, Workspace], short_sighted: None
) -> None:
    # GIVEN a query from the large workspace, so that the graph gives up before it gets to the small one
    _, small = crowd
    query = queries()[0]
    # WHEN the graph is asked all the same
    plan, hits = ask(small, query, path="hnsw", frames=600)
    # THEN the answer is full, and says how it came about
    assert (plan.path, plan.complete, len(hits)) == ("exact", True, 600)
    assert hits == ask(small, query, frames=600)[1]


def test_the_background_is_the_workspaces_own_and_always_the_same(
    crowd: tuple[Workspace, Workspace],
) -> None:
    large, small = crowd
    space = table_of(large)
    samples = []
    for workspace in (large, small, large):
        with transaction(workspace.id) as conn:
            samples.append(background_sample(conn, space=space))
    assert [sample.shape for sample in samples] == [(500, DIM)] * 3
    assert np.array_equal(samples[0], samples[2])
    assert not np.array_equal(samples[0], samples[1])


def graph_indexes(space: Space) -> dict[str, bool]:
    with owner_connection() as conn:
        rows = conn.execute(
            "SELECT i.indexrelid::regclass::text AS name, i.indisvalid AS valid FROM pg_index i"
            " JOIN pg_class k ON k.oid = i.indexrelid JOIN pg_am m ON m.oid = k.relam"
            " WHERE m.amname = 'hnsw' AND i.indrelid = to_regclass(%s)",
            (space.table_name,),
        ).fetchall()
    return {row["name"]: row["valid"] for row in rows}


@pytest.fixture
def spoil(crowd: tuple[Workspace, Workspace]) -> Iterator[Callable[[str], None]]:
    """Runs DDL on the crowd's table, {table} standing for its name; afterwards all is as it was."""
    space = table_of(crowd[0])

    def run(statement: str) -> None:
        with owner_connection() as conn:
            conn.execute(sql.SQL(statement).format(table=space.table))

    yield run
    maintain()
    assert graph_indexes(space) == {indexes.index_name(space): True}


def test_what_is_in_order_is_left_alone(crowd: tuple[Workspace, Workspace]) -> None:
    assert maintain() == {"busy": False, "done": []}


def test_a_second_visible_index_is_dropped(
    crowd: tuple[Workspace, Workspace], spoil: Callable[[str], None]
) -> None:
    spoil("CREATE INDEX older_hnsw ON {table} USING hnsw (embedding halfvec_ip_ops) WITH (m=4)")
    assert maintain()["done"] == [{"dropped": "older_hnsw", "why": "another index has taken its place"}]


def test_what_a_cancelled_build_left_is_dropped(
    crowd: tuple[Workspace, Workspace], spoil: Callable[[str], None]
) -> None:
    space = table_of(crowd[0])
    build = sql.SQL("CREATE INDEX CONCURRENTLY cut_hnsw ON {} USING hnsw (embedding halfvec_ip_ops)")
    with owner_connection() as conn:
        conn.execute("SELECT set_config('statement_timeout', '50ms', false)")
        with pytest.raises(psycopg.errors.QueryCanceled):
            conn.execute(build.format(space.table))
    assert graph_indexes(space)["cut_hnsw"] is False
    assert maintain()["done"] == [{"dropped": "cut_hnsw", "why": "left invalid by a cancelled build"}]


def test_an_index_that_is_gone_is_built_again_while_searches_go_on(
    crowd: tuple[Workspace, Workspace], spoil: Callable[[str], None]
) -> None:
    large, _ = crowd
    with owner_connection() as conn:
        name = indexes.index_name(table_of(large))
        conn.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(name)))
    assert not has_graph(large), "without a graph there is one way"
    builder = threading.Thread(target=maintain)
    builder.start()
    plans = [ask(large, queries()[0])[0]]
    while builder.is_alive():
        plans.append(ask(large, queries()[0])[0])
    builder.join()
    assert all(plan.complete and plan.candidates == 200 for plan in plans)
    assert has_graph(large)


def test_only_one_builds_at_a_time(crowd: tuple[Workspace, Workspace]) -> None:
    with owner_connection() as conn:
        conn.execute("SELECT pg_advisory_lock(%s)", (indexes.LOCK,))
        assert maintain() == {"busy": True}


def test_a_small_table_has_no_index(
    crowd: tuple[Workspace, Workspace], workspace: Workspace, set_settings: Callable[..., None]
) -> None:
    model_id = f"few-{uuid4().hex}"
    index_video(workspace, scenes(300, seed=1), model_id=model_id)
    assert maintain()["done"] == []
    set_settings(index_min_rows=299)
    built = maintain()["done"]
    with transaction(workspace.id) as conn:
        space = find_space(conn, model_id=model_id, dim=DIM)
    assert space is not None
    assert {"built": indexes.index_name(space)} in built
