"""Which way a search goes: exact wherever the graph would visit more rows than a scan is worth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.vectors.search import (
    LONGEST_WALK,
    MAX_GRAPH_ROWS,
    TableState,
    choose_path,
    visited_rows,
    walk_of,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("case", "matching", "rows", "indexed", "path"),
    [
        ("few rows match", 5_000, 1_000_000, True, "exact"),
        ("one row more, all of them", 5_001, 5_001, True, "exact"),
        ("all of a large table", 100_000, 100_000, True, "hnsw"),
        ("all of a table that a scan reads as fast", 20_000, 20_000, True, "exact"),
        ("no graph yet", 100_000, 100_000, False, "exact"),
        ("a small workspace among large ones", 6_000, 1_000_000, True, "exact"),
        ("one row in ten of a million", 100_000, 1_000_000, True, "hnsw"),
        ("the catalog has not counted yet", 100_000, 0, True, "hnsw"),
    ],
)
def test_the_way_of_a_search(case: str, matching: int, rows: int, indexed: bool, path: str) -> None:
    chosen = choose_path(matching=matching, wanted=200, table=TableState(rows, indexed), exact_rows=5_000)
    assert chosen == path, case


@given(matching=st.integers(1, 10_000_000), rows=st.integers(1, 10_000_000), wanted=st.integers(1, 3200))
def test_the_graph_is_walked_only_as_far_as_it_goes(matching: int, rows: int, wanted: int) -> None:
    matching = min(matching, rows)
    path = choose_path(matching=matching, wanted=wanted, table=TableState(rows, True), exact_rows=5_000)
    if path == "hnsw":
        assert matching > 5_000
        assert wanted * rows / matching <= MAX_GRAPH_ROWS


@pytest.mark.parametrize(
    ("case", "matching", "rows", "walk"),
    [
        ("as far as one list of candidates", 100_000, 100_000, 1_000),
        ("three times as far in a million", 1_000_000, 1_000_000, 3_000),
        ("of which a tenth match", 100_000, 1_000_000, 300),
        ("and no fewer than are wanted", 20_000, 1_000_000, 200),
        ("and no further than is worth it", 50_000_000, 50_000_000, LONGEST_WALK),
        ("the catalog has not counted yet", 100_000, 0, 1_000),
    ],
)
def test_how_many_frames_a_walk_meets(case: str, matching: int, rows: int, walk: int) -> None:
    assert walk_of(matching=matching, wanted=200, table=TableState(rows, True)) == walk, case


@given(matching=st.integers(1, 10_000_000), rows=st.integers(1, 10_000_000), wanted=st.integers(1, 3200))
def test_a_walk_gives_what_is_wanted_and_never_more_than_it_visits(
    matching: int, rows: int, wanted: int
) -> None:
    table, matching = TableState(rows, True), min(matching, rows)
    walk = walk_of(matching=matching, wanted=wanted, table=table)
    assert wanted <= walk <= visited_rows(matching=matching, wanted=wanted, table=table)
