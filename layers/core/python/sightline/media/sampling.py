"""How a video is cut: which frames are taken, how large their tiles are, and what one worker decodes.

Pure arithmetic, without a decoder. Times are seconds after the video's first frame.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

TILE_SHORT_SIDE = 256
"""Pixels: models of 224 to 256 px can be fed from a tile without enlarging it."""
TILE_STEP = 16
"""Pixels: a 4:2:0 JPEG is coded in blocks of 16, so none straddles two tiles."""
MAX_ASPECT = 4.0
"""A wider (or taller) picture is squeezed to this: its tile would be mostly width."""
SHEET_SIDE = 8
"""Tiles: a sheet has at most 8 x 8."""
SHEET_PIXELS = 64 * 448 * 256
"""Pixels of a full sheet of 16:9 tiles, about 2 MB at quality 90; wider tiles mean fewer of them."""
KEY_FRAME_REACH = 0.5
"""Share of a cell in which a key frame is taken instead of its first frame: only it need be decoded. A larger
share would save more, and let frames come in pairs, up to two intervals apart."""
CHUNK_SHEETS = 1
"""Full sheets per chunk: small ones keep all workers busy to the end; one sheet is one call."""
LONG_VIDEO_CHUNK_SHEETS = 4
LONG_VIDEO_FRAMES = 25_600
"""Frames: beyond this, larger chunks keep the plan under the 256 KiB that a state may hold."""
CHUNK_SHEET_NUMBERS = 16
"""Sheet numbers set aside per chunk: four sheets, each of which may have to be split in four."""
BATCH_SHEETS = 200
"""Sheets per child execution: its history ends at 25,000 events."""
MAX_FRAMES = 300_000
"""Frames of one video: 83 hours at one a second; more is asking for a longer interval."""
CHUNK_DECODE_PIXELS = 24e9
"""Decoded pixels per chunk where every frame must be: two minutes of work at 200 Mpx/s (HEVC, one vCPU)."""

DecodeMode = Literal["keyframes", "all"]


@dataclass(frozen=True, slots=True)
class TileGrid:
    """The shape of a full sheet."""

    columns: int
    rows: int
    tile_width: int
    tile_height: int

    @property
    def tiles(self) -> int:
        """How many frames a full sheet holds."""
        return self.columns * self.rows


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch [start_s, end_s) that one worker decodes, and the first of its sheet numbers."""

    start_s: float
    end_s: float
    first_sheet: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What every worker of a run must agree on, so that a retry makes the same sheets.

    exact: every planned frame was seen to be in the file, so that a missing one was lost.
    """

    mode: DecodeMode
    interval_s: float
    origin_s: float
    columns: int
    rows: int
    tile_width: int
    tile_height: int
    exact: bool

    @property
    def grid(self) -> TileGrid:
        """The shape of its sheets."""
        return TileGrid(self.columns, self.rows, self.tile_width, self.tile_height)

    def as_json(self) -> dict[str, Any]:
        """What is kept with the asset."""
        return asdict(self)


def tile_grid(*, width: int, height: int) -> TileGrid:
    """The sheet for a picture as it is shown: tiles near its aspect, as many as fit."""
    aspect = min(MAX_ASPECT, max(1 / MAX_ASPECT, width / height))
    long_side = TILE_SHORT_SIDE * max(aspect, 1 / aspect)
    # Down, not to the nearest: 16:9 becomes 448 x 256 and eight of them span 3,584 pixels.
    long_side = max(TILE_SHORT_SIDE, int(long_side // TILE_STEP) * TILE_STEP)
    tile_width, tile_height = (long_side, TILE_SHORT_SIDE) if aspect >= 1 else (TILE_SHORT_SIDE, long_side)
    tiles = SHEET_PIXELS // (tile_width * tile_height)
    columns = max(1, min(SHEET_SIDE, SHEET_SIDE * 512 // tile_width))
    rows = max(1, min(SHEET_SIDE, SHEET_SIDE * 512 // tile_height, tiles // columns))
    return TileGrid(columns, rows, tile_width, tile_height)


def cell_of(time_s: float, interval_s: float) -> int:
    """The sampling cell [k * interval, (k + 1) * interval) a time lies in; a hair early counts as on time."""
    return math.floor(time_s / interval_s + 1e-6)


def occupied_cells(times_s: Sequence[float], interval_s: float) -> list[int]:
    """Cells that hold a frame, in order: a gap of a day costs nothing."""
    return sorted({cell_of(time_s, interval_s) for time_s in times_s if time_s >= -1e-6})


def cells_until(duration_s: float, interval_s: float) -> list[int]:
    """Every cell of a video whose packets were not all seen."""
    return list(range(max(1, math.ceil(duration_s / interval_s - 1e-6))))


def opened_cells(keys_s: Sequence[float], interval_s: float) -> set[int]:
    """Cells in which a key frame is taken: decoding can begin there without what is before."""
    near = (1 - KEY_FRAME_REACH) * interval_s
    return {
        cell_of(time_s, interval_s)
        for time_s in keys_s
        if cell_of(time_s, interval_s) == cell_of(time_s + near, interval_s)
    }


def chunk_sheets(frames: int) -> int:
    """Full sheets per chunk of a video of so many frames."""
    return CHUNK_SHEETS if frames <= LONG_VIDEO_FRAMES else LONG_VIDEO_CHUNK_SHEETS


def chunk_cells(*, frames: int, grid: TileGrid, interval_s: float, pixels_per_s: float) -> int:
    """How many cells one worker takes: some full sheets, less where decoding them all would take too long."""
    affordable = int(CHUNK_DECODE_PIXELS / max(1.0, pixels_per_s) / interval_s)
    return max(1, min(chunk_sheets(frames) * grid.tiles, affordable))


def chunks_of(
    cells: Sequence[int], *, per_chunk: int, interval_s: float, opened: Collection[int] = ()
) -> list[Chunk]:
    """Cuts the occupied cells into chunks of about the same size, where it can be at an opened cell."""
    cuts = _cuts(cells, per_chunk=per_chunk, opened=opened)
    groups = (cells[start:end] for start, end in pairwise(cuts))
    return [
        Chunk(
            start_s=round(group[0] * interval_s, 6),
            end_s=round((group[-1] + 1) * interval_s, 6),
            first_sheet=number * CHUNK_SHEET_NUMBERS,
        )
        for number, group in enumerate(groups)
    ]


def _cuts(cells: Sequence[int], *, per_chunk: int, opened: Collection[int]) -> list[int]:
    """Where each chunk begins and the last one ends; none is larger than per_chunk."""
    cuts, end = [0], len(cells)
    for left in range(math.ceil(end / per_chunk) - 1, 0, -1):
        start = cuts[-1]
        even = start + round((end - start) / (left + 1))
        # What is left must fit into the chunks that are left.
        allowed = range(max(start + 1, end - left * per_chunk), min(start + per_chunk, end - left) + 1)
        near = [cut for cut in allowed if abs(cut - even) <= per_chunk // 8 and cells[cut] in opened]
        cuts.append(min(near or allowed, key=lambda cut: abs(cut - even)))
    return [*cuts, end]


def batches_of(chunks: Sequence[Chunk], *, sheets_per_chunk: int) -> Iterator[list[Chunk]]:
    """Groups chunks into what one child execution takes."""
    size = max(1, BATCH_SHEETS // max(1, sheets_per_chunk))
    for start in range(0, len(chunks), size):
        yield list(chunks[start : start + size])
