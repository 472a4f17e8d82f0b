"""Which way a search goes: exact wherever the graph would visit more rows than a scan is worth."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.vectors.search import MAX_GRAPH_ROWS, TableState, choose_path

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
