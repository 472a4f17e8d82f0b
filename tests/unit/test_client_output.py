"""How the client writes times, sizes and shares, and draws what was found."""

import io
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from client.caller import pairs
from client.errors import ApiError, ClientError, ForbiddenError, IndexingError, UnreachableError
from client.output import bytes_text, clock, exit_code, percent, span
from client.picture import FRAME_WIDTH, Answer, frame_of, write_picture
from client.progress import stage_text
from client.search_command import how_found
from client.shapes import Asset, Found, Moment, Sheet
from tests.fake_sightline import COLOURS, NOW, TILE_HEIGHT, TILE_WIDTH, sheet_jpeg

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (59.9, "0:59"), (60, "1:00"), (3599, "59:59"), (3723.5, "1:02:03")]
)
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_span_and_percent_never_promise_more_than_there_is() -> None:
    assert span(12.4, 17.9) == "0:12 - 0:17"
    assert [percent(share) for share in (0, 0.29, 0.879, 0.9999, 1)] == [
        "0 %",
        "29 %",
        "87 %",
        "99 %",
        "100 %",
    ]


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_440_000, "2.4 MB"), (5e13, "50.0 TB")]
)
def test_bytes_text(size: int, text: str) -> None:
    assert bytes_text(size) == text


def test_scripts_can_tell_failures_apart() -> None:
    denied = ForbiddenError(status=403, code="forbidden", detail="No.")
    other = ApiError(status=409, code="conflict", detail="No.")
    errors = [denied, UnreachableError(), IndexingError(), other, ClientError()]
    assert [exit_code(error) for error in errors] == [3, 5, 6, 1, 1]


def test_an_error_names_the_fields() -> None:
    error = ApiError(
        status=422, code="validation-failed", detail="Some fields are not valid.",
        errors=[{"field": "body.size_bytes", "message": "must be at least 1"}],
    )  # fmt: skip
    assert str(error) == "body.size_bytes: must be at least 1"


def test_metadata_is_text_unless_the_colon_says_json() -> None:
    given = ["route=A9", "note=a=b", "lanes:=3", "wet:=true", "empty="]
    assert pairs(given, "--meta") == {"route": "A9", "note": "a=b", "lanes": 3, "wet": True, "empty": ""}
    for wrong in ("route", "=A9", ":=3", "lanes:=three"):
        with pytest.raises(typer.BadParameter):
            pairs([wrong], "--meta")


def sheet(tile: int) -> Sheet:
    return Sheet(
        url=f"http://storage/sheet.jpg?signature={tile}", columns=2, tile=tile,
        tile_width=TILE_WIDTH, tile_height=TILE_HEIGHT,
    )  # fmt: skip


@pytest.mark.parametrize("tile", range(4))
def test_a_frame_is_the_tile_in_reading_order(tile: int) -> None:
    frame = frame_of(sheet(tile), sheet_jpeg())
    assert frame.size == (TILE_WIDTH, TILE_HEIGHT)
    middle = frame.getpixel((TILE_WIDTH // 2, TILE_HEIGHT // 2))
    assert isinstance(middle, tuple)
    assert sum(abs(a - b) for a, b in zip(middle, COLOURS[tile], strict=True)) < 12


def moment(tile: int) -> Moment:
    return Moment(
        asset_id="a", asset_name="a name that is much too long for its caption.mp4", start_s=1,
        end_s=2, peak_s=1, score=0.5, relevance=0.9, sheet=sheet(tile),
    )  # fmt: skip


def found(moments: int, **verdict: Any) -> Found:
    verdict = {"found": True, "bar": 0.7, "best": 0.9, "reason": "why", **verdict}
    return Found.model_validate(
        {
            "search_id": "s", "model": {"id": "m", "revision": "r", "dim": 1}, "verdict": verdict,
            "plan": {"path": "exact", "matching": 9, "candidates": 9, "complete": True},
            "moments": [moment(tile % 4).model_dump() for tile in range(moments)],
        }
    )  # fmt: skip


def test_a_sheet_is_fetched_once_however_many_frames_it_gives(tmp_path: Path) -> None:
    fetched: list[str] = []

    def fetch(wanted: Sheet) -> bytes:
        fetched.append(wanted.url)
        return sheet_jpeg()

    answers = [Answer("five frames", found(5)), Answer("none", found(0))]
    assert write_picture(tmp_path / "found.png", answers, fetch) == 5
    assert len(fetched) == 1
    with Image.open(io.BytesIO((tmp_path / "found.png").read_bytes())) as picture:
        assert picture.format == "PNG"
        assert picture.width > 4 * FRAME_WIDTH


def test_a_percentage_never_says_relevant_where_the_verdict_says_no(tmp_path: Path) -> None:
    sure, outdone, weak = found(1), found(1, found=False), found(1, found=False, best=0.53)
    assert [one.measure for one in (sure, outdone, weak)] == ["relevance", "stands out", "relevance"]
    heights = []
    for name, one in {"sure.png": sure, "unsure.png": weak, "nothing.png": found(0, found=False)}.items():
        write_picture(tmp_path / name, [Answer("a car", one)], lambda _: sheet_jpeg())
        with Image.open(tmp_path / name) as picture:
            heights.append(picture.height)
    # a line says so above the frames
    assert heights[1] > heights[0] > heights[2]


def test_what_was_searched_says_when_less_was_seen_than_there_is() -> None:
    answer = found(1).model_dump()
    words = {"used": ["a9"], "too_common": ["real"], "videos": 2}
    answer["plan"] |= {"path": "hnsw", "complete": False, "words": words}
    told = how_found(Found.model_validate(answer))
    assert told.startswith(
        "hnsw search of 9 frames, with fewer frames than there are, words found in 2 videos"
    )
    assert "(real too common)" in told
    answer["plan"] |= {"path": "exact", "complete": True, "escalated": True, "words": None}
    told = how_found(Found.model_validate(answer))
    assert told.startswith("exact search of 9 frames, after the graph gave too few, 0 ms")


def test_progress_says_what_is_done_and_how_much() -> None:
    about = {"id": "a", "name": "a.mp4", "content_type": "video/mp4", "size_bytes": 1, "interval_s": 1}
    indexing = {"stage": "indexing", "done": 12, "total": 60, "fraction": 0.2}
    asset = Asset.of(
        {**about, "status": "processing", "created_at": NOW, "updated_at": NOW, "progress": indexing}
    )
    assert stage_text(asset) == "12/60 frames"
    assert stage_text(asset.model_copy(update={"status": "ready"})) == "ready"
