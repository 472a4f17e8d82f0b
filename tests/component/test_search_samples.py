"""The sample events of scenarios_api, through the shipped handler with its real endpoint and store."""

import io
from collections.abc import Callable, Iterator
from random import Random
from typing import Any
from uuid import uuid4

import boto3
import httpx
import numpy as np
import pytest
from PIL import Image, ImageDraw

from functions.scenarios_api.handler import handler
from sightline import wiring
from sightline.contracts.inference import SheetLayout
from sightline.settings import get_settings
from tests.component.conftest import EVENTS, Answer, invoke, sample
from tests.component.footage import Vectors, index_video
from tests.conftest import Workspace
from tests.endpoint_process import EndpointProcess

pytestmark = pytest.mark.component

LAYOUT = SheetLayout(columns=8, tile_width=256, tile_height=256, tiles=40)


@pytest.fixture
def providers(
    emulator: str,
    inference_endpoint: EndpointProcess,
    monkeypatch: pytest.MonkeyPatch,
    set_settings: Callable[..., None],
) -> Iterator[None]:
    """Settings that lead to a real endpoint and a bucket in the emulator."""
    bucket = f"search-{uuid4().hex}"
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", inference_endpoint.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", emulator)
    set_settings(endpoint_name="tests", media_bucket=bucket)
    boto3.client("s3").create_bucket(
        Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
    )
    yield
    wiring.embedder.cache_clear()
    wiring.blobs.cache_clear()


def sheet_of_nights_and_one_day() -> bytes:
    """40 tiles of a dark road; tile 17 lies in bright sun."""
    sheet = Image.new("RGB", (LAYOUT.columns * 256, LAYOUT.rows * 256))
    draw = ImageDraw.Draw(sheet)
    random = Random(1)
    for tile in range(LAYOUT.tiles):
        x, y = tile % 8 * 256, tile // 8 * 256
        day = tile == 17
        sky, ground = ((120, 180, 250), (110, 110, 110)) if day else ((4, 5, 14), (14, 14, 16))
        draw.rectangle((x, y, x + 255, y + 120), fill=sky)
        draw.rectangle((x, y + 120, x + 255, y + 255), fill=ground)
        for _ in range(12):
            px, py = random.randrange(250), random.randrange(250)
            draw.rectangle((x + px, y + py, x + px + 4, y + py + 4), fill=(200, 200, 160) if not day else sky)
    buffer = io.BytesIO()
    sheet.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def ask(name: str, workspace: Workspace) -> Answer:
    """The sample, asked in this workspace."""
    event: dict[str, Any] = sample(f"scenarios_api/{name}")
    event["requestContext"]["authorizer"]["lambda"]["workspace_id"] = str(workspace.id)
    return invoke(handler, event)


EXPECTED = {
    "search": 200,
    "search_with_filters": 200,
    "search_with_sql_in_filter": 200,
    "search_next_page_of_another": 400,
    "search_malformed": 400,
    "search_empty_text": 422,
    "search_blank_text": 422,
    "search_long_text": 422,
    "search_with_key_without_scope": 403,
    "create_concept": 201,
    "mark_frames": 404,
    "keep_concept": 404,
    "save_standing_search": 201,
    "list_searches": 200,
    "search_analytics": 200,
    "label_moment": 404,
    "search_without": 200,
    "search_by_picture": 200,
    "search_by_broken_picture": 422,
    "search_by_example_not_here": 404,
    "search_in_steps": 200,
    "search_with_conditions": 200,
    "search_unknown_zone": 422,
    "refine_search_not_here": 404,
    "read_session_not_here": 404,
    "act_on_results_as_viewer": 403,
    "act_on_results_not_here": 404,
    "read_action_not_here": 404,
}


def test_every_sample_has_an_expectation() -> None:
    samples = {path.stem for path in (EVENTS / "scenarios_api").glob("*.json")}
    assert {name for name in samples if "export" not in name} == EXPECTED.keys(), "exports: test_exports.py"


@pytest.mark.parametrize(("name", "status"), EXPECTED.items())
def test_a_sample_is_answered(providers: None, workspace: Workspace, name: str, status: int) -> None:
    answer = ask(name, workspace)
    assert answer.status == status, answer.text
    if status >= 400:
        assert answer.json["status"] == status
        assert answer.json["retryable"] is False


def test_what_the_model_sees_is_found_and_can_be_fetched(providers: None, workspace: Workspace) -> None:
    # GIVEN a video of nights with one day in it, embedded by the endpoint, its sheet in the bucket
    jpeg = sheet_of_nights_and_one_day()
    embedding = wiring.embedder().embed_sheet(jpeg, LAYOUT)
    vectors: Vectors = embedding.vectors.astype(np.float32)
    asset_id = index_video(workspace, vectors, name="nights.mp4", model_id=embedding.model_id)
    key = f"sheets/{workspace.id}/{asset_id}/1/00000.jpg"
    wiring.blobs().put(key, jpeg, content_type="image/jpeg")
    # WHEN the night is asked for
    event = sample("scenarios_api/search")
    event["requestContext"]["authorizer"]["lambda"]["workspace_id"] = str(workspace.id)
    answer = invoke(handler, event | {"body": '{"text": "a road on a bright sunny day", "limit": 1}'})
    # THEN the day comes first, and its address leads to the sheet
    (moment,) = answer.json["moments"]
    assert moment["peak_s"] == 17.0
    assert answer.json["model"]["id"] == get_settings().image_model
    assert httpx.get(moment["sheet"]["url"]).content == jpeg
