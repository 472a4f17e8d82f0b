"""Imports: listed, copied by the store, registered once, refused in words; and runs that wait for room."""

from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from functions.admit_runs.handler import handler as admit_runs
from functions.fail_import.handler import handler as fail_import
from functions.fetch_objects.handler import handler as fetch_objects
from functions.list_import.handler import handler as list_import
from functions.media_api.handler import handler as media
from functions.sweep_assets.handler import handler as sweep_assets
from sightline.database import transaction
from sightline.media import admission
from sightline.providers.s3_sources import S3Sources
from tests.component.conftest import LambdaContext, call, member_of, sample
from tests.conftest import Workspace
from tests.media_cloud import MediaCloud, forget_providers

pytestmark = pytest.mark.component


@pytest.fixture
def source(media_cloud: MediaCloud) -> str:
    """Somebody else's bucket."""
    bucket = f"fleet-{uuid4().hex[:8]}"
    where = {"LocationConstraint": "eu-central-1"}
    media_cloud.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=where)
    return bucket


@pytest.fixture
def cloud(media_cloud: MediaCloud, source: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[MediaCloud]:
    """The media cloud, whose waiting machine is that of imports too: tests take its steps."""
    monkeypatch.setenv("SIGHTLINE_IMPORT_MACHINE_ARN", media_cloud.state_machine)
    monkeypatch.setenv("SIGHTLINE_IMPORT_BUCKETS", f"{source}, drop-{source}/{{workspace}}/")
    forget_providers()
    yield media_cloud
    forget_providers()


BODY = b"a video, as far as its name says"


def begin(workspace: Workspace, **body: Any) -> dict[str, Any]:
    answer = call(media, "POST", "/v1/imports", body=body, principal=member_of(workspace, "editor"))
    assert answer.status == 202, answer.text
    made: dict[str, Any] = answer.json
    return made


def read(workspace: Workspace, path: str, query: str = "") -> Any:
    answer = call(media, "GET", f"/v1/imports{path}", query=query, principal=member_of(workspace, "viewer"))
    assert answer.status == 200, answer.text
    return answer.json


def run(workspace: Workspace, import_id: str) -> int:
    """What the machine does; answers how many pages it asked for."""
    ids = {"workspace_id": str(workspace.id), "import_id": import_id}
    for page in range(1, 50):
        planned = list_import({**ids, "attempt": 1}, LambdaContext())
        for batch in planned["batches"]:
            assert fetch_objects({**ids, **batch}, LambdaContext()) == {"more": False}
        if not planned["more"]:
            return page
    raise AssertionError("the import does not end")


def put(cloud: MediaCloud, bucket: str, *keys: str, body: bytes = BODY) -> None:
    for key in keys:
        cloud.s3.put_object(Bucket=bucket, Key=key, Body=body)


def test_objects_below_a_prefix_are_registered_or_refused_in_words(
    cloud: MediaCloud, workspace: Workspace, source: str
) -> None:
    put(cloud, source, "2025/a.mp4", "2025/night/b 🚗.MKV", "2024/old.mp4", "2025/notes.txt", "2025/folder/")
    put(cloud, source, "2025/empty.mov", body=b"")
    about = {"tags": ["fleet"], "metadata": {"car": "A7"}, "interval_s": 2}
    made = begin(workspace, bucket=source, prefix="2025/", **about)
    assert made["status"] == "listing"
    assert cloud.executions(made["id"]) == [f"{made['id']}-1"]
    run(workspace, made["id"])
    done = read(workspace, f"/{made['id']}")
    assert done["status"] == "done"
    assert done["objects"] == {"listed": 0, "fetching": 0, "registered": 2, "skipped": 0, "refused": 2}
    assert done["videos"]["waiting"] == 2
    refused = read(workspace, f"/{made['id']}/objects", "status=refused")["items"]
    assert {item["key"]: item["code"] for item in refused} == {
        "2025/notes.txt": "not-a-video",
        "2025/empty.mov": "empty-file",
    }
    assert all(item["reason"].endswith(".") for item in refused)
    for item in read(workspace, f"/{made['id']}/objects", "status=registered")["items"]:
        asset = call(media, "GET", f"/v1/assets/{item['asset_id']}", principal=member_of(workspace)).json
        assert (asset["tags"], asset["metadata"], asset["interval_s"]) == (["fleet"], {"car": "A7"}, 2.0)
        assert asset["name"] == item["key"].rpartition("/")[2]
        key = f"uploads/{workspace.id}/{item['asset_id']}/source"
        copied = cloud.s3.get_object(Bucket=cloud.bucket, Key=key)
        assert copied["Body"].read() == BODY
        assert copied["ContentType"] == asset["content_type"]


def test_the_same_version_is_registered_once_and_a_new_one_again(
    cloud: MediaCloud, workspace: Workspace, other_workspace: Workspace, source: str
) -> None:
    put(cloud, source, "a.mp4", "b.mp4")
    first = begin(workspace, bucket=source)
    run(workspace, first["id"])
    put(cloud, source, "b.mp4", body=b"another version")
    again = begin(workspace, bucket=source, keys=["a.mp4", "b.mp4", "a.mp4", "missing.mp4"])
    run(workspace, again["id"])
    items = {item["key"]: item for item in read(workspace, f"/{again['id']}/objects")["items"]}
    assert (items["a.mp4"]["status"], items["a.mp4"]["code"]) == ("skipped", "already-imported")
    assert items["b.mp4"]["status"] == "registered"
    assert (items["missing.mp4"]["status"], items["missing.mp4"]["code"]) == ("refused", "gone")
    assert items["a.mp4"]["asset_id"] is not None
    theirs = begin(other_workspace, bucket=source)
    run(other_workspace, theirs["id"])
    assert read(other_workspace, f"/{theirs['id']}")["objects"]["registered"] == 2


def test_pages_follow_each_other(cloud: MediaCloud, source: str) -> None:
    put(cloud, source, *(f"{number}.mp4" for number in range(5)))
    sources, after, seen = S3Sources(cloud.bucket), "", []
    while page := sources.page(source, prefix="", after=after, limit=2):
        seen += [found.key for found in page]
        after = page[-1].key
    assert seen == [f"{number}.mp4" for number in range(5)]


def test_steps_repeated_change_nothing(cloud: MediaCloud, workspace: Workspace, source: str) -> None:
    put(cloud, source, "1.mp4", "2.mp4", "3.mp4")
    made = begin(workspace, bucket=source)
    task = {"workspace_id": str(workspace.id), "import_id": made["id"], "attempt": 1}
    planned = [list_import(task, LambdaContext()) for _ in range(2)]
    assert planned[0] == planned[1] == {"more": True, "batches": [{"first": 1, "last": 3}]}
    batch = {"workspace_id": str(workspace.id), "import_id": made["id"], **planned[0]["batches"][0]}
    for _ in range(2):
        assert fetch_objects(batch, LambdaContext()) == {"more": False}
    assert list_import(task, LambdaContext()) == {"more": False, "batches": []}
    assert list_import(task, LambdaContext()) == {"more": False, "batches": []}
    assert read(workspace, f"/{made['id']}")["objects"]["registered"] == 3
    assert ("import.done", made["id"]) in cloud.heard_imports()


def test_a_place_that_is_not_open_to_a_workspace_is_refused(
    cloud: MediaCloud, workspace: Workspace, other_workspace: Workspace, source: str
) -> None:
    drop = f"drop-{source}"
    for body in (
        {"bucket": "some-other-bucket"},
        {"bucket": cloud.bucket},
        {"bucket": cloud.bucket, "keys": [f"uploads/{other_workspace.id}/x/source"]},
        {"bucket": drop},
        {"bucket": drop, "prefix": f"{other_workspace.id}/"},
    ):
        answer = call(media, "POST", "/v1/imports", body=body, principal=member_of(workspace))
        assert (answer.status, answer.json["code"]) == (403, "forbidden"), body
        assert f"{drop}/{workspace.id}/" in answer.json["detail"]
    made = begin(workspace, prefix="2025/")
    assert (made["bucket"], made["prefix"]) == (drop, f"{workspace.id}/2025/")
    viewer = member_of(workspace, "viewer")
    assert call(media, "POST", "/v1/imports", body={"bucket": source}, principal=viewer).status == 403
    stranger = member_of(other_workspace)
    for path in (f"/v1/imports/{made['id']}", f"/v1/imports/{made['id']}/objects"):
        assert call(media, "GET", path, principal=stranger).status == 404
    assert call(media, "POST", f"/v1/imports/{made['id']}/cancel", principal=stranger).status == 404


def test_a_bucket_that_is_not_there_fails_in_words(cloud: MediaCloud, workspace: Workspace) -> None:
    made = begin(workspace, prefix="")
    run(workspace, made["id"])
    failed = read(workspace, f"/{made['id']}")
    assert (failed["status"], failed["failure"]["code"]) == ("failed", "no-bucket")


def test_cancelled_it_fetches_no_more(cloud: MediaCloud, workspace: Workspace, source: str) -> None:
    put(cloud, source, "a.mp4")
    made = begin(workspace, bucket=source, keys=["a.mp4"])
    editor = member_of(workspace, "editor")
    answer = call(media, "POST", f"/v1/imports/{made['id']}/cancel", principal=editor)
    assert answer.json["status"] == "cancelled"
    run(workspace, made["id"])
    assert read(workspace, f"/{made['id']}")["objects"]["registered"] == 0
    assert call(media, "POST", f"/v1/imports/{made['id']}/cancel", principal=editor).status == 409


def test_an_import_whose_run_was_lost_is_begun_anew_and_one_that_cannot_go_on_says_so(
    cloud: MediaCloud, workspace: Workspace, source: str
) -> None:
    made = begin(workspace, bucket=source)
    cloud.end(f"{made['id']}-1")
    with transaction(workspace.id) as conn:
        conn.execute(
            "UPDATE import_job SET heartbeat_at = now() - interval '1 hour',"
            " swept_at = now() - interval '1 hour' WHERE id = %s",
            (made["id"],),
        )
    sweep_assets(sample("sweep_assets/tick"), LambdaContext())
    assert cloud.executions(made["id"]) == [f"{made['id']}-1", f"{made['id']}-2"]
    task = {**sample("fail_import/unexpected"), "workspace_id": str(workspace.id), "import_id": made["id"]}
    assert fail_import({**task, "attempt": 1}, LambdaContext()) == {"failed": False}
    assert fail_import({**task, "attempt": 2}, LambdaContext()) == {"failed": True}
    assert read(workspace, f"/{made['id']}")["failure"]["code"] == "internal-error"


def test_a_large_object_is_copied_in_parts(cloud: MediaCloud, source: str) -> None:
    body = bytes(range(256)) * 41_000
    put(cloud, source, "large.mp4", body=body)
    sources = S3Sources(cloud.bucket, one_copy_bytes=5 * 1024**2)
    found = sources.look(source, "large.mp4")
    assert found is not None
    key = f"uploads/parts-{uuid4()}"
    sources.copy(source, found, to=key, content_type="video/mp4")
    assert cloud.s3.get_object(Bucket=cloud.bucket, Key=key)["Body"].read() == body


def waiting(workspace: Workspace, count: int) -> None:
    """Videos that arrived, by whatever way, and whose run has not begun."""
    with transaction(workspace.id) as conn:
        conn.execute(
            "INSERT INTO asset (workspace_id, name, content_type, size_bytes, interval_s, status, stage, run,"
            " source_version, upload_deadline) SELECT %s, 'drive.mp4', 'video/mp4', 1, 1, 'processing',"
            " 'queued', 1, 'v', now() FROM generate_series(1, %s)",
            (workspace.id, count),
        )


def in_work(workspace: Workspace) -> list[UUID]:
    with transaction(workspace.id) as conn:
        rows = conn.execute(
            "SELECT id FROM asset WHERE status = 'processing' AND admitted_at IS NOT NULL ORDER BY id"
        ).fetchall()
    return [row["id"] for row in rows]


class CountingPipeline:
    """A machine that runs whatever it is given, for ever."""

    def __init__(self) -> None:
        self.started: list[str] = []

    def start(self, name: str, _payload: Any) -> bool:
        self.started.append(name)
        return True

    def status(self, _name: str) -> str | None:
        return "RUNNING"


def test_ten_thousand_videos_are_not_ten_thousand_runs(
    cloud: MediaCloud, workspace: Workspace, other_workspace: Workspace, set_settings: Callable[..., None]
) -> None:
    with transaction() as conn:
        # What other tests left waiting in this shared database is not ours to start.
        conn.execute("SELECT * FROM app.admit_runs(0, 1000000)")
    waiting(workspace, 10_000)
    waiting(other_workspace, 3)
    set_settings(runs_at_once=room_taken() + 8)
    pipeline = CountingPipeline()
    admission.admit(pipeline=pipeline)
    assert len(pipeline.started) == 8
    assert len(in_work(other_workspace)) == 3, "each workspace has its turn"
    for _ in range(3):
        admission.admit(pipeline=pipeline)
    assert len(pipeline.started) == 8, "no room, no run"
    done = in_work(workspace)[:2]
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET status = 'ready', ready_run = 1 WHERE id = ANY(%s)", (done,))
    admission.admit(pipeline=pipeline)
    assert len(pipeline.started) == 10
    with transaction(workspace.id) as conn:
        conn.execute("DELETE FROM asset")
    with transaction(other_workspace.id) as conn:
        conn.execute("DELETE FROM asset")


def room_taken() -> int:
    """Runs of the whole stage, those that other tests left included."""
    with transaction() as conn:
        row = conn.execute("SELECT app.runs_admitted() AS n").fetchone()
    assert row is not None
    return int(row["n"])


def test_the_end_of_a_run_lets_the_next_begin(
    cloud: MediaCloud, workspace: Workspace, set_settings: Callable[..., None]
) -> None:
    waiting(workspace, 1)
    assert admit_runs(sample("admit_runs/asset_ready"), LambdaContext()) == {"batchItemFailures": []}
    (asset_id,) = in_work(workspace)
    assert len(cloud.executions(asset_id)) == 1
