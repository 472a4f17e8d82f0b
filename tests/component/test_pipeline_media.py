"""One video from its S3 event to searchable rows: the handlers in the order of the state machine."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions.embed_frames.handler import handler as embed_frames
from functions.extract_frames.handler import handler as extract_frames
from functions.fail_asset.handler import handler as fail_asset
from functions.finish_asset.handler import handler as finish_asset
from functions.media_api.handler import handler as media_api
from functions.probe_media.handler import handler as probe_media
from functions.start_pipeline.handler import handler as start_pipeline
from sightline import wiring
from sightline.errors import ConflictError, EndpointUnavailableError, UnreadableMediaError
from sightline.media.rules import execution_name
from tests.component.conftest import LambdaContext, call, member_of
from tests.conftest import Workspace, new_workspace
from tests.media_cloud import MediaCloud, count, forget_providers, put, sample
from tests.videos import video

pytestmark = pytest.mark.component


@cache
def clip() -> bytes:
    """Made when first needed, not when tests are collected."""
    return video(seconds=5, gop=25)


@dataclass
class Upload:
    """A video in the bucket, and the steps of its pipeline."""

    workspace: Workspace
    data: bytes = field(default_factory=lambda: clip())
    content_type: str = "video/mp4"
    declared: int | None = None
    asset_id: str = field(init=False)
    version: str = field(init=False, default="")

    def __post_init__(self) -> None:
        body = {
            "name": "drive.mp4",
            "content_type": self.content_type,
            "size_bytes": self.declared or max(1, len(self.data)),
        }
        made = call(media_api, "POST", "/v1/assets", body=body, principal=member_of(self.workspace))
        assert made.status == 201, made.text
        self.asset_id = made.json["asset"]["id"]

    def arrive(self, cloud: MediaCloud) -> "Upload":
        """Puts the object there directly: what S3 would refuse is put too."""
        stored = cloud.s3.put_object(
            Bucket=cloud.bucket, Key=f"uploads/{self.workspace.id}/{self.asset_id}/source", Body=self.data
        )
        self.version = stored["VersionId"]
        return self

    def event(self, name: str = "start_pipeline/object_created") -> Any:
        return sample(name, workspace=self.workspace, asset_id=self.asset_id, version=self.version)

    def start(self) -> None:
        assert start_pipeline(self.event(), LambdaContext()) == {"batchItemFailures": []}

    def task(self, **more: Any) -> dict[str, Any]:
        return {**self.event("probe_media/first_run"), "run": self.run, **more}

    @property
    def run(self) -> int:
        return int(self.shown["run"])

    @property
    def shown(self) -> Any:
        path = f"/v1/assets/{self.asset_id}"
        return call(media_api, "GET", path, principal=member_of(self.workspace)).json

    def probe(self) -> list[dict[str, Any]]:
        batches = probe_media(self.task(), LambdaContext())["batches"]
        return [chunk for batch in batches for chunk in batch["chunks"]]

    def extract(self, chunk: dict[str, Any], **more: Any) -> list[int]:
        made = extract_frames(self.task(chunk=chunk, **more), LambdaContext())
        return [sheet["sheet_no"] for sheet in made["sheets"]]

    def embed(self, sheet_no: int, **more: Any) -> int:
        return int(embed_frames(self.task(sheet_no=sheet_no, **more), LambdaContext())["frames"])

    def finish(self, **more: Any) -> Any:
        return finish_asset(self.task(**more), LambdaContext())

    def index(self) -> None:
        """Everything the state machine does when nothing fails."""
        for chunk in self.probe():
            for sheet_no in self.extract(chunk):
                self.embed(sheet_no)
        self.finish()

    def points(self) -> int:
        return points_of(self.workspace, self.asset_id)

    def rows(self, table: str) -> int:
        query = f"SELECT count(*) FROM {table} WHERE asset_id = %s"  # noqa: S608 - a table of ours
        return count(query, self.asset_id, workspace=self.workspace)


def points_of(workspace: Workspace, asset_id: str) -> int:
    """The asset's vectors in every space."""
    from sightline.database import transaction

    with transaction(workspace.id) as conn:
        tables = [row["table_name"] for row in conn.execute("SELECT table_name FROM vector_space").fetchall()]
    query = "SELECT count(*) FROM {} WHERE asset_id = %s"
    return sum(count(query.format(table), asset_id, workspace=workspace) for table in tables)


def test_a_video_is_indexed(workspace: Workspace, media_cloud: MediaCloud, embedding: Any) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    assert upload.shown["status"] == "processing"
    assert upload.shown["progress"]["stage"] == "queued"
    assert media_cloud.executions(upload.asset_id) == [execution_name(upload.asset_id, upload.version, 1)]
    (chunk,) = upload.probe()
    probed = upload.shown
    assert (probed["codec"], probed["container"]) == ("h264", "mov")
    assert (probed["width"], probed["height"], probed["fps"], probed["rotation"]) == (320, 240, 10.0, 0)
    assert probed["duration_s"] == 5.0
    assert probed["progress"] == {"stage": "indexing", "done": 0, "total": 5, "fraction": 0.0}
    assert upload.extract(chunk) == [0]
    assert upload.embed(0) == 5
    assert upload.shown["progress"] == {"stage": "finishing", "done": 5, "total": 5, "fraction": 0.99}
    assert upload.finish() == {"frames": 5}
    ready = upload.shown
    assert ready["status"] == "ready"
    assert ready["progress"] == {"stage": "done", "done": 5, "total": 5, "fraction": 1.0}
    assert ready["failure"] is None
    assert upload.points() == 5
    assert media_cloud.heard(upload.asset_id) == [("asset.ready", 1)]
    assert media_cloud.keys(f"sheets/{workspace.id}/{upload.asset_id}/") == [
        f"sheets/{workspace.id}/{upload.asset_id}/1/00000.jpg"
    ]


def test_every_step_done_twice_changes_nothing(
    workspace: Workspace, media_cloud: MediaCloud, embedding: Any
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    for _ in range(2):
        (chunk,) = upload.probe()
    assert [upload.extract(chunk) for _ in range(2)] == [[0], [0]]
    assert [upload.embed(0) for _ in range(2)] == [5, 5]
    assert upload.extract(chunk) == [0], "a chunk extracted again after its sheets were embedded"
    assert upload.shown["progress"]["done"] == 5
    assert [upload.finish() for _ in range(2)] == [{"frames": 5}, {"frames": 5}]
    assert (upload.rows("media_chunk"), upload.rows("media_sheet"), upload.points()) == (1, 1, 5)
    assert upload.shown["progress"]["done"] == 5


def test_nothing_is_shown_before_everything_is_done(
    workspace: Workspace, media_cloud: MediaCloud, embedding: Any
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    with pytest.raises(RuntimeError):
        upload.finish()
    (chunk,) = upload.probe()
    with pytest.raises(RuntimeError, match="1 chunks"):
        upload.finish()
    upload.extract(chunk)
    with pytest.raises(RuntimeError, match="1 sheets"):
        upload.finish()
    assert upload.shown["status"] == "processing"


def test_a_message_that_is_not_an_event_goes_back_alone(
    workspace: Workspace, media_cloud: MediaCloud
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    event = upload.event("start_pipeline/one_bad_message")
    answer = start_pipeline(event, LambdaContext())
    assert answer == {"batchItemFailures": [{"itemIdentifier": event["Records"][0]["messageId"]}]}
    assert len(media_cloud.executions(upload.asset_id)) == 1


def test_objects_that_are_no_uploads_start_nothing(workspace: Workspace, media_cloud: MediaCloud) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    event = upload.event("start_pipeline/other_object")
    assert start_pipeline(event, LambdaContext()) == {"batchItemFailures": []}
    assert upload.shown["status"] == "awaiting_upload"


def test_the_same_event_twice_in_one_batch_starts_one_run(
    workspace: Workspace, media_cloud: MediaCloud
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    start_pipeline(upload.event("start_pipeline/object_created_twice"), LambdaContext())
    assert len(media_cloud.executions(upload.asset_id)) == 1
    assert upload.run == 1


STEPS = ["event", "other version", "probe", "extract", "embed", "finish"]


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)  # fmt: skip
@given(order=st.lists(st.sampled_from(STEPS), max_size=14))
def test_any_order_and_repetition_ends_in_the_same_rows(
    media_cloud: MediaCloud, embedding: Any, order: list[str]
) -> None:
    """Whatever is told twice, late or too early on the way, the end is what one clean pass leaves."""
    upload = Upload(new_workspace()).arrive(media_cloud)
    upload.start()
    chunk = {"start_s": 0.0, "end_s": 5.0, "first_sheet": 0}
    late = upload.event()
    late["Records"][0]["body"] = late["Records"][0]["body"].replace(upload.version, "a-later-version")
    deeds = {
        "event": upload.start,
        "other version": lambda: start_pipeline(late, LambdaContext()),
        "probe": upload.probe,
        "extract": lambda: upload.extract(chunk),
        "embed": lambda: upload.embed(0),
        "finish": upload.finish,
    }
    for step in order:
        try:
            deeds[step]()
        except (ConflictError, RuntimeError, TypeError):
            continue  # too early, or too late: the state machine would try again or end
    if upload.shown["status"] == "processing":
        upload.index()
    assert upload.shown["status"] == "ready"
    assert upload.run == 1
    assert (upload.rows("media_chunk"), upload.rows("media_sheet"), upload.points()) == (1, 1, 5)
    assert upload.shown["progress"]["done"] == 5
    assert len(media_cloud.executions(upload.asset_id)) == 1


@pytest.mark.parametrize(
    ("data", "declared", "code"),
    [
        (lambda: b"not a video at all", lambda: None, "not-a-video"),
        (lambda: b"", lambda: 100, "empty-file"),
        (lambda: clip(), lambda: len(clip()) + 1, "size-mismatch"),
        (lambda: clip()[: len(clip()) // 2], lambda: None, "truncated-file"),
    ],
    ids=["text", "zero bytes", "another size", "truncated"],
)
def test_a_refused_file_fails_with_a_reason_to_read(
    workspace: Workspace,
    media_cloud: MediaCloud,
    data: Callable[[], bytes],
    declared: Callable[[], int | None],
    code: str,
) -> None:
    upload = Upload(workspace, data=data(), declared=declared()).arrive(media_cloud)
    upload.start()
    with pytest.raises(UnreadableMediaError) as refused:
        upload.probe()
    cause = {"Error": "UnreadableMediaError", "Cause": str(refused.value)}
    assert fail_asset(upload.task(error=cause), LambdaContext()) == {"failed": True, "code": code}
    assert upload.shown["status"] == "failed"
    assert upload.shown["failure"]["code"] == code
    assert len(upload.shown["failure"]["reason"]) > 20
    assert media_cloud.heard(upload.asset_id) == [("asset.failed", 1)]
    # Told again, it has failed already.
    assert fail_asset(upload.task(error=cause), LambdaContext()) == {"failed": False}


@pytest.mark.parametrize(
    ("case", "code"),
    [
        ("unreadable", "truncated-file"),
        ("endpoint_gone", "endpoint-unavailable"),
        ("unexpected", "internal-error"),
        ("child_failed", "corrupt-media"),
        ("timed_out", "internal-error"),
    ],
)
def test_every_way_to_fail_has_a_code(
    workspace: Workspace, media_cloud: MediaCloud, case: str, code: str
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    assert fail_asset(upload.event(f"fail_asset/{case}"), LambdaContext())["code"] == code
    assert "secret" not in str(upload.shown["failure"])


def test_the_source_may_be_gone(workspace: Workspace, media_cloud: MediaCloud) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    wiring.blobs().delete_prefix(f"uploads/{workspace.id}/{upload.asset_id}/")
    with pytest.raises(UnreadableMediaError, match="source-missing"):
        upload.probe()


def test_a_later_version_of_the_object_is_never_read(
    workspace: Workspace, media_cloud: MediaCloud, embedding: Any
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    first = upload.version
    upload.data = b"something else"
    upload.arrive(media_cloud)
    upload.start()
    assert upload.run == 1
    upload.version = first
    upload.index()
    assert upload.shown["status"] == "ready"


def reprocess(upload: Upload) -> Any:
    path = f"/v1/assets/{upload.asset_id}/reprocess"
    return call(media_api, "POST", path, principal=member_of(upload.workspace))


def test_reprocessing_replaces_the_old_run_when_the_new_one_is_done(
    workspace: Workspace, media_cloud: MediaCloud, embedding: Any
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    upload.index()
    answer = reprocess(upload)
    assert (answer.status, answer.json["run"], answer.json["status"]) == (202, 2, "processing")
    assert reprocess(upload).status == 409
    (chunk,) = upload.probe()
    upload.extract(chunk)
    assert upload.points() == 5, "the first run is searched until the second is done"
    upload.embed(0)
    assert upload.points() == 10
    upload.finish()
    assert upload.points() == 5
    assert upload.rows("media_sheet") == 1
    assert media_cloud.keys(f"sheets/{workspace.id}/{upload.asset_id}/1/") == []
    assert len(media_cloud.keys(f"sheets/{workspace.id}/{upload.asset_id}/2/")) == 1
    assert media_cloud.heard(upload.asset_id) == [("asset.ready", 1), ("asset.ready", 2)]


def test_what_an_older_run_still_does_changes_nothing(
    workspace: Workspace, media_cloud: MediaCloud, embedding: Any
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    upload.index()
    reprocess(upload)
    chunk = {"start_s": 0.0, "end_s": 5.0, "first_sheet": 0}
    for step in (
        lambda: upload.extract(chunk, run=1),
        lambda: upload.embed(0, run=1),
        lambda: upload.finish(run=1),
        lambda: probe_media(upload.task(run=1), LambdaContext()),
    ):
        with pytest.raises(ConflictError):
            step()
    late = {"Error": "States.Timeout", "Cause": ""}
    assert fail_asset(upload.task(run=1, error=late), LambdaContext()) == {"failed": False}
    assert upload.shown["status"] == "processing"
    upload.index()
    assert upload.shown["status"] == "ready"


def test_when_reprocessing_fails_what_was_indexed_stays(
    workspace: Workspace, media_cloud: MediaCloud, embedding: Any
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    upload.index()
    reprocess(upload)
    fail_asset(upload.task(error={"Error": "EndpointUnavailableError", "Cause": ""}), LambdaContext())
    assert upload.shown["status"] == "ready"
    assert upload.shown["failure"]["code"] == "endpoint-unavailable"
    assert upload.points() == 5
    assert reprocess(upload).json["failure"] is None


def test_an_endpoint_that_does_not_answer_leaves_nothing_behind(
    workspace: Workspace, media_cloud: MediaCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "http://127.0.0.1:9")
    monkeypatch.setenv("SIGHTLINE_ENDPOINT_NAME", "tests")
    forget_providers()
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    (chunk,) = upload.probe()
    (sheet_no,) = upload.extract(chunk)
    with pytest.raises(EndpointUnavailableError):
        upload.embed(sheet_no)
    assert upload.points() == 0
    assert upload.shown["progress"]["done"] == 0


def test_an_upload_by_the_signed_address_is_what_is_indexed(
    workspace: Workspace, media_cloud: MediaCloud, embedding: Any
) -> None:
    upload = Upload(workspace)
    path = f"/v1/assets/{upload.asset_id}/upload"
    address = call(media_api, "GET", path, principal=member_of(workspace)).json
    answer = put(address["url"], clip(), address["headers"])
    upload.version = answer.headers["x-amz-version-id"]
    upload.start()
    upload.index()
    assert upload.shown["status"] == "ready"
    assert call(media_api, "GET", path, principal=member_of(workspace)).json["code"] == "conflict"
    assert UUID(upload.asset_id)
