"""Options of `sightline search` become the body that the API documents."""

import base64
import io
from pathlib import Path
from typing import Any

import pytest
import typer
from PIL import Image

from client.question import Options, filters_of, question_of
from sightline.scenarios.schemas import SearchRequest

pytestmark = pytest.mark.unit

ASSET = "0193a1b2-0000-7000-8000-0000000000a1"


@pytest.mark.parametrize(
    ("given", "filters"),
    [
        (["route=A9"], {"metadata": {"route": "A9"}}),
        (["lanes:=3"], {"metadata": {"lanes": 3}}),
        (["speed>=80", "speed<130.5"], {"metadata": {"speed": {"gte": 80, "lt": 130.5}}}),
        (["name<=m"], {"metadata": {"name": {"lte": "m"}}}),
        (["driver in ada, eve,3"], {"metadata": {"driver": {"in": ["ada", "eve", 3]}}}),
        (
            ["notes exists", "old missing"],
            {"metadata": {"notes": {"exists": True}, "old": {"exists": False}}},
        ),
        (["tag:rain", "-tag:test"], {"tags": ["wet", "rain"], "no_tags": ["test"]}),
        (
            ["captured>=2026-03-01T00:00:00Z", "captured<2026-04-01T00:00:00Z"],
            {"captured": {"from": "2026-03-01T00:00:00Z", "to": "2026-04-01T00:00:00Z"}},
        ),
        (
            ["hours=22:00-05:00@Europe/Berlin"],
            {"time_of_day": {"from": "22:00", "to": "05:00", "zone": "Europe/Berlin"}},
        ),
        (["note=a>=b"], {"metadata": {"note": "a>=b"}}),
    ],
)
def test_filters(given: list[str], filters: dict[str, Any]) -> None:
    tags = ["wet"] if "tags" in filters else []
    assert filters_of(given, tags=tags, assets=[]) == filters
    SearchRequest.model_validate({"text": "car", "filters": filters})


def test_everything_at_once_is_a_question_that_the_server_takes(tmp_path: Path) -> None:
    picture = tmp_path / "large.png"
    Image.new("RGB", (2000, 1000), (10, 20, 30)).save(picture)
    body = question_of(
        Options(
            text="truck", image=picture, like=f"{ASSET}@12.0-15.5", then=["a bus", "a car"],
            within=[3.0, 8.0], without=["rain"], concepts=["cut-in"], words="A9", filters=["tag:x"],
            assets=[ASSET], collapse=["alike"], weights=["text=2", "image=0.5"], relevance=0.6, smooth_s=2.0,
            gap_s=4.0, per_video=3,
        )
    )  # fmt: skip
    request = SearchRequest.model_validate(body)
    assert [step.within_s for step in request.then] == [3.0, 8.0]
    assert (request.moments.smooth_s, request.moments.min_gap_s, request.moments.per_asset) == (2.0, 4.0, 3)
    assert (request.weights.text, request.weights.image, request.weights.example) == (2.0, 0.5, 1.0)
    assert request.min_relevance == 0.6
    assert request.example is not None
    assert (request.example.start_s, request.example.end_s) == (12.0, 15.5)
    with Image.open(io.BytesIO(base64.b64decode(body["image"]["data"]))) as sent:
        assert (sent.format, sent.size) == ("JPEG", (512, 256))
    assert request.not_ == ["rain"]


def test_a_frame_is_a_picture() -> None:
    assert question_of(Options(like=f"{ASSET}@7")) == {"image": {"asset_id": ASSET, "time_s": 7.0}}


@pytest.mark.parametrize(
    "options",
    [
        Options(),
        Options(without=["rain"]),
        Options(like="7@12"),
        Options(like=f"{ASSET}@a-b"),
        Options(text="a", then=["b", "c"], within=[1.0, 2.0, 3.0]),
        Options(text="a", filters=["no condition"]),
        Options(text="a", filters=["lanes:=three"]),
        Options(text="a", weights=["text"]),
        Options(image=Path(__file__)),
    ],
)
def test_what_makes_no_question_is_wrong_usage(options: Options) -> None:
    with pytest.raises(typer.BadParameter):
        question_of(options)
