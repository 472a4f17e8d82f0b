"""A run keeps to the revision that embedded its first sheet, whatever is promoted meanwhile."""

from collections.abc import Callable
from typing import Any, cast

import numpy as np
import pytest

from functions.fail_asset.handler import handler as fail_asset
from functions.finish_asset.handler import handler as finish_asset
from functions.sweep_assets.handler import handler as sweep_assets
from sightline import wiring
from sightline.contracts.inference import SheetLayout
from sightline.database import transaction
from sightline.errors import ModelRevisionGoneError
from sightline.media.embedding import embed_frames
from sightline.media.rules import execution_name
from sightline.ports.inference import Embedder, Embedding
from tests.component.conftest import LambdaContext
from tests.component.test_pipeline_media import Upload
from tests.conftest import Workspace
from tests.media_cloud import MediaCloud, age, sample

pytestmark = pytest.mark.component

MODEL = "scenes-of-the-pin-test"


class Served:
    """An endpoint that serves `current`, and other revisions of `kept` to who pins them."""

    def __init__(self, current: str, *kept: str, meanwhile: Callable[[], Any] | None = None) -> None:
        self.current, self.kept, self.asked = current, {current, *kept}, list[str | None]()
        self._meanwhile = meanwhile

    def embed_sheet(self, _jpeg: bytes, layout: SheetLayout, *, revision: str | None = None) -> Embedding:
        self.asked.append(revision)
        if self._meanwhile is not None:
            meanwhile, self._meanwhile = self._meanwhile, None
            meanwhile()
        if revision is not None and revision not in self.kept:
            raise ModelRevisionGoneError
        vectors = np.eye(layout.tiles, 16, dtype=np.float16)
        return Embedding(MODEL, revision or self.current, 16, vectors)


@pytest.fixture
def upload(workspace: Workspace, media_cloud: MediaCloud) -> Upload:
    """A run with one sheet to embed."""
    made = Upload(workspace).arrive(media_cloud)
    made.start()
    for chunk in made.probe():
        made.extract(chunk)
    return made


def embed(upload: Upload, served: Served) -> Any:
    ids = {"workspace_id": str(upload.workspace.id), "asset_id": upload.asset_id, "run": upload.run}
    return embed_frames(**ids, sheet_no=0, blobs=wiring.blobs(), embedder=cast("Embedder", served))


def pinned(upload: Upload) -> tuple[str | None, str | None]:
    with transaction(upload.workspace.id) as conn:
        query = "SELECT model_id, model_revision FROM asset WHERE id = %s"
        row = conn.execute(query, (upload.asset_id,)).fetchone()
    assert row is not None
    return row["model_id"], row["model_revision"]


def test_the_first_sheet_decides_and_later_ones_ask_for_the_same(upload: Upload) -> None:
    assert pinned(upload) == (None, None)
    embed(upload, Served("r1"))
    after = Served("r2", "r1")
    embed(upload, after)
    assert pinned(upload) == (MODEL, "r1")
    assert after.asked == ["r1"]


def test_of_two_first_sheets_with_two_revisions_one_gives_way(upload: Upload) -> None:
    late = Served("r2", "r1", meanwhile=lambda: embed(upload, Served("r1")))
    embed(upload, late)
    assert late.asked == [None, "r1"]
    assert pinned(upload) == (MODEL, "r1")


def test_a_run_whose_revision_is_gone_begins_anew_with_the_one_that_is_served(
    upload: Upload, media_cloud: MediaCloud
) -> None:
    embed(upload, Served("r1"))
    with pytest.raises(ModelRevisionGoneError) as caught:
        embed(upload, Served("r2"))
    error = {"Error": type(caught.value).__name__, "Cause": "{}"}
    assert fail_asset(upload.task(error=error), LambdaContext())["failed"] is False
    assert upload.shown["status"] == "processing"

    media_cloud.end(execution_name(upload.asset_id, upload.version, 1))
    age(upload.asset_id, 61, workspace=upload.workspace)
    assert sweep_assets(sample("sweep_assets/tick", workspace=upload.workspace), LambdaContext())
    assert (upload.run, pinned(upload)) == (2, (None, None))
    for chunk in upload.probe():
        upload.extract(chunk)
    embed(upload, Served("r2"))
    finish_asset(upload.task(), LambdaContext())
    assert (upload.shown["status"], pinned(upload)) == ("ready", (MODEL, "r2"))
