"""Exports: picked, planned, decoded, written, told; killed and gone on with; cancelled, expired, deleted."""

import csv
import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from uuid import UUID

import av
import numpy as np
import pytest
from PIL import Image

from functions.fail_export.handler import handler as fail_export
from functions.scenarios_api.handler import handler as api
from functions.sweep_exports.handler import handler as sweep_exports
from functions.write_export.handler import handler as write_export
from sightline import wiring
from sightline.database import transaction
from sightline.scenarios.exports import writing
from sightline.scenarios.exports.picking import moments_of_search
from sightline.scenarios.pipeline import Providers
from tests.component.conftest import LambdaContext, call, key_of, member_of, sample
from tests.component.footage import WordEmbedder, frames_showing, index_video
from tests.conftest import REPOSITORY, Workspace
from tests.media_cloud import MediaCloud, forget_providers
from tests.videos import video

pytestmark = pytest.mark.component


@cache
def clip() -> bytes:
    """Made when first needed, not when tests are collected."""
    return video(seconds=4)


@pytest.fixture
def cloud(media_cloud: MediaCloud, monkeypatch: pytest.MonkeyPatch) -> Iterator[MediaCloud]:
    """The media cloud, whose waiting machine is that of exports too: tests take its turns."""
    monkeypatch.setenv("SIGHTLINE_EXPORT_MACHINE_ARN", media_cloud.state_machine)
    forget_providers()
    yield media_cloud
    forget_providers()


def indexed(cloud: MediaCloud, workspace: Workspace, data: bytes, *, name: str = "drive.mp4") -> UUID:
    """A video as the pipeline leaves it: its source in the bucket, one sheet of a frame a second."""
    times_s = [float(second) for second in range(4)]
    with transaction(workspace.id) as conn:
        row = conn.execute(
            "INSERT INTO asset (workspace_id, name, content_type, size_bytes, interval_s, tags, status,"
            " upload_deadline, duration_s, run, ready_run) VALUES (%s, %s, 'video/mp4', %s, 1, '{rain}',"
            " 'ready', now(), 4, 1, 1) RETURNING id",
            (workspace.id, name, len(data)),
        ).fetchone()
        assert row is not None
        conn.execute(
            "INSERT INTO media_sheet (workspace_id, asset_id, run, sheet_no, object_key, columns, tile_width,"
            " tile_height, tiles, times_s) VALUES (%s, %s, 1, 0, 'none', 4, 64, 64, 4, %s)",
            (workspace.id, row["id"], times_s),
        )
    put = cloud.s3.put_object(
        Bucket=cloud.bucket, Key=f"uploads/{workspace.id}/{row['id']}/source", Body=data
    )
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET source_version = %s WHERE id = %s", (put["VersionId"], row["id"]))
    return UUID(str(row["id"]))


def begin(workspace: Workspace, **body: Any) -> dict[str, Any]:
    answer = call(api, "POST", "/v1/exports", body=body, principal=member_of(workspace, "editor"))
    assert answer.status == 202, answer.text
    made: dict[str, Any] = answer.json
    return made


def read(workspace: Workspace, export_id: str) -> dict[str, Any]:
    answer = call(api, "GET", f"/v1/exports/{export_id}", principal=member_of(workspace, "viewer"))
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def turn(workspace: Workspace, export_id: str, attempt: int = 1) -> bool:
    """What the machine does until it is told that nothing is left."""
    task = {"workspace_id": str(workspace.id), "export_id": export_id, "attempt": attempt}
    return bool(write_export(task, LambdaContext())["more"])


def archive(cloud: MediaCloud, workspace: Workspace, export_id: str) -> zipfile.ZipFile:
    (key,) = cloud.keys(f"exports/{workspace.id}/{export_id}/")
    data = cloud.s3.get_object(Bucket=cloud.bucket, Key=key)["Body"].read()
    assert len(data) == read(workspace, export_id)["size_bytes"]
    return zipfile.ZipFile(io.BytesIO(data))


def moment(asset_id: UUID, start_s: float, end_s: float, **more: Any) -> dict[str, Any]:
    return {"asset_id": str(asset_id), "start_s": start_s, "end_s": end_s, **more}


def shade(jpeg: bytes) -> int:
    """Which frame of the test video a picture shows."""
    picture = np.asarray(Image.open(io.BytesIO(jpeg)))
    height, width = picture.shape[:2]
    return round((float(np.median(picture[height // 2 :, width // 3 : width // 2])) - 40) / 7)


def test_moments_become_frames_clips_and_metadata(cloud: MediaCloud, workspace: Workspace) -> None:
    first = indexed(cloud, workspace, clip(), name="=dangerous, name.mp4")
    second = indexed(cloud, workspace, video(seconds=4, rotation=-90))
    picked = [
        moment(second, 1.0, 2.0, peak_s=1.3, score=0.5, relevance=0.9),
        moment(first, 2.55, 3.2),
        moment(first, 0.0, 1.0, peak_s=0.0),
    ]
    made = begin(workspace, name="Wet drives", moments=picked, clips={"padding_s": 0.2})
    assert made["status"] == "queued"
    assert made["moments"] == 3
    assert cloud.executions(made["id"]) == [f"{made['id']}-1"]

    assert turn(workspace, made["id"]) is False
    ready = read(workspace, made["id"])
    assert ready["status"] == "ready", ready
    assert ready["progress"]["done"] == ready["progress"]["total"] == 6
    assert ready["progress"]["fraction"] == 1.0
    assert ready["left_out"] == 0
    assert ("export.ready", made["id"]) in cloud.heard_exports()

    files = archive(cloud, workspace, made["id"])
    assert files.testzip() is None
    manifest = json.loads(files.read("manifest.json"))
    assert hashlib.sha256(files.read("manifest.json")).hexdigest() == ready["manifest_sha256"]
    listed = {file["path"]: file for file in manifest["files"]}
    assert set(listed) | {"manifest.json"} == set(files.namelist())
    for path, file in listed.items():
        content = files.read(path)
        assert (hashlib.sha256(content).hexdigest(), len(content)) == (file["sha256"], file["size_bytes"])

    moments = json.loads(files.read("moments.json"))["moments"]
    assert [found["asset_id"] for found in moments] == [str(second), str(first), str(first)]
    assert [shade(files.read(found["best_frame"])) for found in moments] == [13, 28 % 26, 0]
    upright = Image.open(io.BytesIO(files.read(moments[0]["best_frame"])))
    assert upright.size == (240, 320)
    copied = moments[1]["clip"]
    assert (copied["start_s"], copied["end_s"]) == (2.0, 3.4), (
        "a clip begins at the key frame before its moment"
    )
    with av.open(io.BytesIO(files.read(copied["file"]))) as container:
        assert len(list(container.decode(video=0))) == 14

    rows = list(csv.DictReader(io.StringIO(files.read("moments.csv").decode())))
    assert [row["best_frame"] for row in rows] == [found["best_frame"] for found in moments]
    assert rows[1]["asset_name"] == "=dangerous, name.mp4"
    assert (rows[0]["score"], rows[0]["tags"], rows[1]["clip_start_s"]) == ("0.5", "rain", "2.0")
    labels = json.loads(files.read("labels.json"))
    assert {f"data/{image['file_name']}" for image in labels["images"]} <= set(files.namelist())
    assert len({image["id"] for image in labels["images"]}) == 3
    assert {(image["width"], image["height"]) for image in labels["images"]} == {(320, 240), (240, 320)}


PAGE = REPOSITORY / "docs" / "exports.md"


def test_it_opens_as_the_page_says(
    cloud: MediaCloud, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In pandas, and in whatever reads COCO where FiftyOne looks for it: FiftyOne itself is not installed."""
    asset_id = indexed(cloud, workspace, clip())
    made = begin(workspace, moments=[moment(asset_id, 1.0, 2.0), moment(asset_id, 3.0, 3.5)])
    assert turn(workspace, made["id"]) is False
    archive(cloud, workspace, made["id"]).extractall(tmp_path / "trucks")
    monkeypatch.chdir(tmp_path)
    opened: dict[str, Any] = {}
    fiftyone = ModuleType("fiftyone")
    fiftyone.Dataset = SimpleNamespace(from_dir=read_coco)  # type: ignore[attr-defined]
    fiftyone.types = SimpleNamespace(COCODetectionDataset="COCO")  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fiftyone", fiftyone)
    pandas, coco = re.findall(r"^```python\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    exec(pandas, opened)  # noqa: S102 - what the page tells people to run
    assert len(opened["best"]) == 2
    assert list(opened["best"]["width"]) == [320, 320]
    exec(coco, opened)  # noqa: S102
    assert opened["dataset"] == [(320, 240), (320, 240)]


def read_coco(folder: str, *, dataset_type: str) -> list[tuple[int, int]]:
    """As FiftyOne's COCO importer reads: labels.json names pictures of data/. Their sizes."""
    assert dataset_type == "COCO"
    labels = json.loads((Path(folder) / "labels.json").read_text())
    assert {"info", "licenses", "categories", "annotations", "images"} == set(labels)
    found = []
    for image in labels["images"]:
        with Image.open(Path(folder) / "data" / image["file_name"]) as picture:
            assert picture.size == (image["width"], image["height"])
            found.append(picture.size)
    return found


def test_whole_videos_give_their_indexed_frames(cloud: MediaCloud, workspace: Workspace) -> None:
    asset_id = indexed(cloud, workspace, clip())
    made = begin(workspace, asset_ids=[str(asset_id)])
    assert turn(workspace, made["id"]) is False
    files = archive(cloud, workspace, made["id"])
    names = sorted(name for name in files.namelist() if name.startswith("data/"))
    assert [shade(files.read(name)) for name in names] == [0, 10, 20, 30 % 26]


def search_with(embedder: WordEmbedder, workspace: Workspace, export_id: str) -> dict[str, Any]:
    """A turn whose search is asked of this model."""
    ids = {"workspace_id": str(workspace.id), "export_id": export_id, "attempt": 1}
    find = partial(moments_of_search, providers=Providers(embedder))
    return writing.write_export(**ids, blobs=wiring.blobs(), events=wiring.events(), find=find)


def test_all_moments_of_a_search_are_exported_best_first(cloud: MediaCloud, workspace: Workspace) -> None:
    road = [""] * 20
    for number in range(12):
        shown = frames_showing([*road, "truck" if number % 2 else "", *road], seed=number)
        index_video(workspace, shown, name=f"{number:02}.mp4")
    made = begin(workspace, search={"text": "truck", "limit": 1}, most_moments=4, min_relevance=0.9)
    assert search_with(WordEmbedder(), workspace, made["id"]) == {"more": False}
    moments = json.loads(archive(cloud, workspace, made["id"]).read("moments.json"))["moments"]
    assert len(moments) == 4
    assert all(int(moment["asset_name"][:2]) % 2 == 1 for moment in moments)
    assert [moment["peak_s"] for moment in moments] == [20.0] * 4
    scores = [moment["score"] for moment in moments]
    assert scores == sorted(scores, reverse=True)


def test_a_search_that_cannot_be_run_any_more_fails_in_words(cloud: MediaCloud, workspace: Workspace) -> None:
    index_video(workspace, frames_showing(["truck"] * 3))
    made = begin(workspace, search={"text": "truck", "concepts": [{"concept": "deleted since"}]})
    assert search_with(WordEmbedder(), workspace, made["id"]) == {"more": False}
    failed = read(workspace, made["id"])
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "search-refused")
    wanted = {"search_id": "0193a1b2-0000-7000-8000-0000000000a1"}
    assert call(api, "POST", "/v1/exports", body=wanted, principal=member_of(workspace)).status == 404


def test_what_cannot_be_made_is_left_out_and_said(cloud: MediaCloud, workspace: Workspace) -> None:
    whole = indexed(cloud, workspace, clip())
    gone = indexed(cloud, workspace, clip())
    broken = indexed(cloud, workspace, b"no video at all")
    picked = [moment(whole, 0, 1), moment(whole, 99, 99.5), moment(gone, 0, 1), moment(broken, 0, 1)]
    made = begin(workspace, moments=picked)
    key = f"uploads/{workspace.id}/{gone}/source"
    for version in cloud.s3.list_object_versions(Bucket=cloud.bucket, Prefix=key)["Versions"]:
        cloud.s3.delete_object(Bucket=cloud.bucket, Key=key, VersionId=version["VersionId"])
    assert turn(workspace, made["id"]) is False
    ready = read(workspace, made["id"])
    assert (ready["status"], ready["left_out"]) == ("ready", 2)
    moments = json.loads(archive(cloud, workspace, made["id"]).read("moments.json"))["moments"]
    assert [found["problems"] for found in moments] == [
        [],
        [],
        ["The uploaded object is gone."],
        ["The video cannot be decoded here."],
    ]


def test_a_killed_turn_goes_on_from_its_checkpoint(
    cloud: MediaCloud, workspace: Workspace, set_settings: Callable[..., None]
) -> None:
    asset_id = indexed(cloud, workspace, video(seconds=4, width=640, height=480))
    picked = [moment(asset_id, time, time, peak_s=time) for time in (0.0, 1.0, 2.0, 3.0)]
    made = begin(workspace, moments=picked, clips={})
    set_settings(export_turn_s=0)
    turns = 0
    while turn(workspace, made["id"]):
        turns += 1
        assert turns < 20
    assert turns >= 4, "one file a turn, each in a process that knows nothing of the one before"
    files = archive(cloud, workspace, made["id"])
    assert files.testzip() is None
    assert len(files.namelist()) == 4 + 4 + 5
    assert [shade(files.read(name)) for name in sorted(files.namelist()) if name.endswith("jpg")] == [
        0,
        10,
        20,
        4,
    ]


class Interrupting:
    """The real store; something happens the first time that it is asked to do something."""

    def __init__(self, call: str, happening: Callable[[], object]) -> None:
        self._call, self._happening, self.happened = call, happening, False

    def __getattr__(self, name: str) -> Any:
        if name == self._call and not self.happened:
            self.happened = True
            self._happening()
        return getattr(wiring.blobs(), name)


def write_with(blobs: Any, workspace: Workspace, export_id: str) -> dict[str, Any]:
    """A turn of a worker that sees this store."""
    ids = {"workspace_id": str(workspace.id), "export_id": export_id, "attempt": 1}
    return writing.write_export(**ids, blobs=blobs, events=wiring.events(), find=lambda _: [])


def test_of_two_workers_the_later_one_writes(cloud: MediaCloud, workspace: Workspace) -> None:
    asset_id = indexed(cloud, workspace, clip())
    made = begin(workspace, asset_ids=[str(asset_id)])
    blobs = Interrupting("open", lambda: turn(workspace, made["id"]))
    assert write_with(blobs, workspace, made["id"]) == {"more": False}
    assert blobs.happened
    assert read(workspace, made["id"])["status"] == "ready"
    assert archive(cloud, workspace, made["id"]).testzip() is None
    assert cloud.heard_exports().count(("export.ready", made["id"])) == 1


def test_an_upload_that_was_lost_is_begun_over(cloud: MediaCloud, workspace: Workspace) -> None:
    asset_id = indexed(cloud, workspace, clip())
    made = begin(workspace, asset_ids=[str(asset_id)])

    def lose() -> None:
        for upload in cloud.s3.list_multipart_uploads(Bucket=cloud.bucket)["Uploads"]:
            if made["id"] in upload["Key"]:
                ids = {"Key": upload["Key"], "UploadId": upload["UploadId"]}
                cloud.s3.abort_multipart_upload(Bucket=cloud.bucket, **ids)

    assert write_with(Interrupting("put_part", lose), workspace, made["id"]) == {"more": True}
    assert turn(workspace, made["id"]) is False
    assert archive(cloud, workspace, made["id"]).testzip() is None


def test_a_worker_that_died_between_the_end_and_its_mark_is_believed(
    cloud: MediaCloud, workspace: Workspace
) -> None:
    asset_id = indexed(cloud, workspace, clip())
    made = begin(workspace, asset_ids=[str(asset_id)])
    assert turn(workspace, made["id"]) is False
    with transaction(workspace.id) as conn:
        conn.execute(
            "UPDATE export_job SET status = 'writing', upload_id = 'completed' WHERE id = %s", (made["id"],)
        )
    assert turn(workspace, made["id"]) is False
    assert archive(cloud, workspace, made["id"]).testzip() is None


def test_what_nobody_looks_after_is_swept(cloud: MediaCloud, workspace: Workspace) -> None:
    asset_id = indexed(cloud, workspace, clip())
    dead, old = (begin(workspace, asset_ids=[str(asset_id)])["id"] for _ in range(2))
    assert turn(workspace, old) is False
    cloud.end(f"{dead}-1")
    with transaction(workspace.id) as conn:
        conn.execute(
            "UPDATE export_job SET heartbeat_at = now() - interval '1 hour',"
            " swept_at = now() - interval '1 hour', expires_at = expires_at - interval '8 days'"
            " WHERE workspace_id = %s",
            (workspace.id,),
        )
    sweep_exports(sample("sweep_exports/tick"), LambdaContext())
    assert cloud.executions(dead) == [f"{dead}-1", f"{dead}-2"]
    assert turn(workspace, dead, attempt=1) is False
    assert read(workspace, dead)["status"] == "queued", "the attempt that ended writes nothing any more"
    assert turn(workspace, dead, attempt=2) is False
    expired = read(workspace, old)
    assert (expired["status"], expired["download"]) == ("expired", None)
    assert cloud.keys(f"exports/{workspace.id}/{old}/") == []


def test_a_machine_that_gave_up_says_so(cloud: MediaCloud, workspace: Workspace) -> None:
    asset_id = indexed(cloud, workspace, clip())
    made = begin(workspace, asset_ids=[str(asset_id)])
    task = sample("fail_export/unexpected")
    ids = {"workspace_id": str(workspace.id), "export_id": made["id"]}
    assert fail_export({**task, **ids, "attempt": 9}, LambdaContext()) == {"failed": False}
    assert fail_export({**task, **ids}, LambdaContext()) == {"failed": True}
    failed = read(workspace, made["id"])
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "internal-error")
    assert ("export.failed", made["id"]) in cloud.heard_exports()


def test_others_see_nothing_and_viewers_start_nothing(
    cloud: MediaCloud, workspace: Workspace, other_workspace: Workspace
) -> None:
    asset_id = indexed(cloud, workspace, clip())
    made = begin(workspace, asset_ids=[str(asset_id)])
    stranger = member_of(other_workspace)
    path = f"/v1/exports/{made['id']}"
    for method, address in (("GET", path), ("DELETE", path), ("POST", f"{path}/cancel")):
        assert call(api, method, address, principal=stranger).status == 404
    assert call(api, "GET", "/v1/exports", principal=stranger).json["items"] == []
    assert [
        item["id"] for item in call(api, "GET", "/v1/exports", principal=member_of(workspace)).json["items"]
    ] == [made["id"]]
    wanted = {"asset_ids": [str(asset_id)]}
    assert call(api, "POST", "/v1/exports", body=wanted, principal=stranger).status == 422
    assert (
        call(api, "POST", "/v1/exports", body=wanted, principal=member_of(workspace, "viewer")).status == 403
    )
    unscoped = key_of(workspace, scopes=("search",))
    assert call(api, "GET", path, principal=unscoped).status == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"asset_ids": []},
        {"moments": [{"asset_id": "0193a1b2-0000-7000-8000-0000000000a1", "start_s": 2, "end_s": 1}]},
        {"asset_ids": ["0193a1b2-0000-7000-8000-0000000000a1"], "search": {"text": "rain"}},
        {"asset_ids": ["0193a1b2-0000-7000-8000-0000000000a1"]},
        {"asset_ids": ["0193a1b2-0000-7000-8000-0000000000a1"], "jpeg_quality": 3},
    ],
    ids=["nothing", "no ids", "backwards", "two ways", "unknown video", "poor"],
)
def test_what_cannot_be_exported_is_refused(cloud: MediaCloud, workspace: Workspace, body: Any) -> None:
    answer = call(api, "POST", "/v1/exports", body=body, principal=member_of(workspace))
    assert (answer.status, answer.json["code"]) == (422, "validation-failed")


def test_cancelled_it_leaves_nothing(
    cloud: MediaCloud, workspace: Workspace, set_settings: Callable[..., None]
) -> None:
    asset_id = indexed(cloud, workspace, clip())
    made = begin(workspace, asset_ids=[str(asset_id)])
    set_settings(export_turn_s=0)
    assert turn(workspace, made["id"]) is True
    editor = member_of(workspace, "editor")
    answer = call(api, "POST", f"/v1/exports/{made['id']}/cancel", principal=editor)
    assert (answer.status, answer.json["status"]) == (200, "cancelled")
    assert turn(workspace, made["id"]) is False
    assert call(api, "POST", f"/v1/exports/{made['id']}/cancel", principal=editor).status == 409
    uploads = cloud.s3.list_multipart_uploads(Bucket=cloud.bucket).get("Uploads", [])
    assert not [upload for upload in uploads if made["id"] in upload["Key"]]
    assert call(api, "DELETE", f"/v1/exports/{made['id']}", principal=editor).status == 204
    assert call(api, "GET", f"/v1/exports/{made['id']}", principal=editor).status == 404
