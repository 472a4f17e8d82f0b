"""How a video is cut, without a video."""

import json
from dataclasses import asdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sightline.media import sampling

pytestmark = pytest.mark.unit

SIDES = st.integers(2, 8192)


@settings(deadline=None)
@given(width=SIDES, height=SIDES)
def test_tiles_are_whole_jpeg_blocks_and_large_enough(width: int, height: int) -> None:
    grid = sampling.tile_grid(width=width, height=height)
    assert grid.tile_width % 16 == grid.tile_height % 16 == 0
    assert min(grid.tile_width, grid.tile_height) == sampling.TILE_SHORT_SIDE
    assert max(grid.tile_width, grid.tile_height) <= 4 * sampling.TILE_SHORT_SIDE
    assert 1 <= grid.tiles <= 64
    assert grid.tiles * grid.tile_width * grid.tile_height <= sampling.SHEET_PIXELS
    # What the endpoint takes (contracts/inference.py) and what a JPEG may span.
    assert grid.tile_width <= 2048
    assert max(grid.columns * grid.tile_width, grid.rows * grid.tile_height) < 65_500


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (1280, 720, sampling.TileGrid(8, 8, 448, 256)),
        (720, 1280, sampling.TileGrid(8, 8, 256, 448)),
        (640, 480, sampling.TileGrid(8, 8, 336, 256)),
        (100, 100, sampling.TileGrid(8, 8, 256, 256)),
        (4000, 100, sampling.TileGrid(4, 7, 1024, 256)),
    ],
)
def test_grids_of_common_pictures(width: int, height: int, expected: sampling.TileGrid) -> None:
    assert sampling.tile_grid(width=width, height=height) == expected


def test_cells_are_by_time_never_by_index() -> None:
    # Three frames in the first second, none in the second, one a hair before the fourth.
    assert sampling.occupied_cells([0.0, 0.1, 0.9, 2.0, 2.9999999], 1.0) == [0, 2, 3]
    assert sampling.occupied_cells([-1.6, -0.1, 0.0], 1.0) == [0]


def test_a_gap_of_a_day_costs_nothing() -> None:
    cells = sampling.occupied_cells([0.0, 1.0, 86_400.0, 86_401.0], 1.0)
    chunks = sampling.chunks_of(cells, per_chunk=2, interval_s=1.0)
    assert [(chunk.start_s, chunk.end_s) for chunk in chunks] == [(0.0, 2.0), (86_400.0, 86_402.0)]


@settings(deadline=None)
@given(
    frames=st.integers(1, 3000),
    interval_s=st.sampled_from([0.1, 0.3, 1.0, 1.7, 60.0]),
    pixels_per_s=st.sampled_from([0.0, 27_648_000.0, 250_000_000.0]),
)
def test_chunks_cover_every_cell_once(frames: int, interval_s: float, pixels_per_s: float) -> None:
    grid = sampling.tile_grid(width=1280, height=720)
    per_chunk = sampling.chunk_cells(
        frames=frames, grid=grid, interval_s=interval_s, pixels_per_s=pixels_per_s
    )
    cells = sampling.cells_until(frames * interval_s, interval_s)
    chunks = sampling.chunks_of(cells, per_chunk=per_chunk, interval_s=interval_s)
    assert len(cells) == frames
    assert chunks[0].start_s == 0.0
    assert all(one.end_s == pytest.approx(two.start_s) for one, two in pairwise(chunks))
    assert chunks[-1].end_s == pytest.approx(frames * interval_s)
    assert len({chunk.first_sheet for chunk in chunks}) == len(chunks)
    assert per_chunk <= sampling.LONG_VIDEO_CHUNK_SHEETS * grid.tiles


@settings(deadline=None)
@given(
    frames=st.integers(1, 2000),
    per_chunk=st.integers(1, 256),
    opened=st.sets(st.integers(0, 2000), max_size=300),
)
def test_chunks_are_even_and_none_is_larger_than_allowed(
    frames: int, per_chunk: int, opened: set[int]
) -> None:
    chunks = sampling.chunks_of(range(frames), per_chunk=per_chunk, interval_s=1.0, opened=opened)
    sizes = [round(chunk.end_s - chunk.start_s) for chunk in chunks]
    assert sum(sizes) == frames
    assert len(sizes) == -(-frames // per_chunk)
    assert max(sizes) <= per_chunk
    assert min(sizes) >= 1


def test_chunks_begin_at_key_frames_where_they_can() -> None:
    """A key frame each 8.3 s: decoding a chunk needs nothing of the one before."""
    keys_s = [number * 250 / 30 for number in range(72)]
    opened = sampling.opened_cells(keys_s, 1.0)
    assert {0, 8, 25} <= opened
    assert not {1, 16, 17} & opened, "the key frame at 16.7 s comes too late in its second"
    chunks = sampling.chunks_of(range(600), per_chunk=64, interval_s=1.0, opened=opened)
    assert len(chunks) == 10
    assert sum(round(chunk.start_s) in opened for chunk in chunks) >= 6


def test_a_chunk_of_4k_is_shorter_than_one_of_720p() -> None:
    grid = sampling.tile_grid(width=3840, height=2160)
    cells = [
        sampling.chunk_cells(frames=1000, grid=grid, interval_s=10.0, pixels_per_s=width * height * 30)
        for width, height in ((1280, 720), (3840, 2160))
    ]
    assert cells[0] > cells[1] >= 1


def test_a_batch_has_at_most_200_sheets_and_the_plan_fits_a_state() -> None:
    cells = list(range(sampling.MAX_FRAMES))
    chunks = sampling.chunks_of(cells, per_chunk=256, interval_s=1.0)
    batches = list(sampling.batches_of(chunks, sheets_per_chunk=4))
    assert all(len(batch) * 4 <= sampling.BATCH_SHEETS for batch in batches)
    assert [chunk for batch in batches for chunk in batch] == chunks
    plan = {"batches": [{"chunks": [asdict(chunk) for chunk in batch]} for batch in batches]}
    assert len(json.dumps(plan)) < 256 * 1024
