"""What is deleted leaves nothing, and a report proves it: videos, workspaces, and what grew too old."""

import json
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from psycopg.types.json import Jsonb

from functions.accounts_api.handler import handler as accounts
from functions.media_api.handler import handler as media
from functions.purge_asset.handler import handler as purge_asset
from functions.scenarios_api.handler import handler as scenarios
from functions.sweep_assets.handler import handler as sweep_assets
from functions.write_export.handler import handler as write_export
from sightline.database import transaction
from sightline.principal import Principal
from tests.component.conftest import LambdaContext, call, member_of, sample
from tests.component.footage import index_video
from tests.conftest import Workspace
from tests.media_cloud import MediaCloud, forget_providers
from tests.videos import video

pytestmark = pytest.mark.component


@pytest.fixture
def cloud(media_cloud: MediaCloud, monkeypatch: pytest.MonkeyPatch) -> MediaCloud:
    monkeypatch.setenv("SIGHTLINE_EXPORT_MACHINE_ARN", media_cloud.state_machine)
    forget_providers()
    return media_cloud


def shown(cloud: MediaCloud, workspace: Workspace) -> UUID:
    """A searchable video with a source in two versions, a sheet, and an export that shows it."""
    asset_id = index_video(workspace, np.eye(64, dtype=np.float32)[:4])
    source, sheet = f"uploads/{workspace.id}/{asset_id}/source", f"sheets/{workspace.id}/{asset_id}/1/0.jpg"
    put = cloud.s3.put_object(Bucket=cloud.bucket, Key=source, Body=video(seconds=2))
    cloud.s3.put_object(Bucket=cloud.bucket, Key=source, Body=b"a later version")
    cloud.s3.put_object(Bucket=cloud.bucket, Key=sheet, Body=b"a sheet")
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET source_version = %s WHERE id = %s", (put["VersionId"], asset_id))
    body = {"moments": [{"asset_id": str(asset_id), "start_s": 0, "end_s": 1}]}
    made = call(scenarios, "POST", "/v1/exports", body=body, principal=member_of(workspace)).json
    task = {"workspace_id": str(workspace.id), "export_id": made["id"], "attempt": 1}
    assert write_export(task, LambdaContext()) == {"more": False}
    return asset_id


def purge(workspace: Workspace, asset_id: UUID | None) -> None:
    event = sample("purge_asset/deleted_asset")
    ids = {"workspace_id": str(workspace.id)} | ({"asset_id": str(asset_id)} if asset_id else {})
    event["Records"][0]["body"] = json.dumps(ids)
    assert purge_asset(event, LambdaContext()) == {"batchItemFailures": []}


def report(workspace: Workspace, erasure_id: str) -> dict[str, Any]:
    answer = call(accounts, "GET", f"/v1/erasures/{erasure_id}", principal=member_of(workspace, "viewer"))
    assert answer.status == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def test_a_deleted_video_is_gone_and_a_report_proves_it(cloud: MediaCloud, workspace: Workspace) -> None:
    asset_id, other = shown(cloud, workspace), shown(cloud, workspace)
    with transaction(workspace.id) as conn:
        conn.execute(
            "INSERT INTO kept_answer (workspace_id, key, version, answer) VALUES (%s, 'a', 1, %s)",
            (workspace.id, Jsonb({"moments": [{"asset_id": str(asset_id), "asset_name": "secret.mp4"}]})),
        )
        conn.execute(
            "INSERT INTO saved_search (workspace_id, name, request, created_by)"
            " VALUES (%s, 'like it', %s, 'me')",
            (workspace.id, Jsonb({"example": {"asset_id": str(asset_id)}})),
        )
    answer = call(media, "DELETE", f"/v1/assets/{asset_id}", principal=member_of(workspace))
    assert answer.status == 202
    assert report(workspace, answer.json["erasure_id"])["status"] == "running"
    purge(workspace, asset_id)
    proof = report(workspace, answer.json["erasure_id"])
    assert proof["status"] == "done"
    assert (proof["objects_left"], proof["rows_left"]) == (0, 0)
    assert proof["objects"] == {"sources": 2, "sheets": 1, "exports": 1}
    assert proof["rows"]["asset"] == proof["rows"]["media_sheet"] == proof["rows"]["kept_answer"] == 1
    assert sum(count for table, count in proof["rows"].items() if table.startswith("points_")) == 4
    assert proof["ids_kept"] == {"saved_search": 1}
    assert [key for key in cloud.keys("") if str(asset_id) in key] == []
    assert [key for key in cloud.keys(f"uploads/{workspace.id}/") if str(other) in key]
    (left,) = call(scenarios, "GET", "/v1/exports", principal=member_of(workspace)).json["items"]
    assert left["status"] == "ready", "an export that does not show it stays"
    purge(workspace, asset_id)
    assert report(workspace, answer.json["erasure_id"]) == proof, "purged again, it is the same"


def test_a_deleted_workspace_is_gone_and_its_report_stays(
    cloud: MediaCloud, workspace: Workspace, other_workspace: Workspace
) -> None:
    asset_id, kept = shown(cloud, workspace), shown(cloud, other_workspace)
    path = f"/v1/workspaces/{workspace.id}"
    answer = call(accounts, "DELETE", path, principal=member_of(workspace))
    assert answer.status == 202
    sweep_assets(sample("sweep_assets/tick"), LambdaContext())
    assert [message["asset_id"] for message in cloud.purges(asset_id)] == [str(asset_id)]
    purge(workspace, None)
    mine = f"/v1/users/me/erasures/{answer.json['erasure_id']}"
    person = Principal(principal_id=str(workspace.user_id), kind="user")
    assert call(accounts, "GET", mine, principal=person).json["status"] == "running", "it holds a video"
    purge(workspace, asset_id)
    purge(workspace, None)
    proof = call(accounts, "GET", mine, principal=person).json
    assert (proof["status"], proof["objects_left"], proof["rows_left"]) == ("done", 0, 0)
    assert proof["rows"]["workspace"] == proof["rows"]["member"] == proof["rows"]["asset"] == 1
    assert proof["objects"]["exports"] == 1
    stranger = Principal(principal_id=str(other_workspace.user_id), kind="user")
    assert call(accounts, "GET", mine, principal=stranger).status == 404
    for prefix in ("uploads", "sheets", "exports"):
        assert cloud.keys(f"{prefix}/{workspace.id}/") == []
    assert cloud.keys(f"uploads/{other_workspace.id}/{kept}")


def test_what_a_workspace_keeps_no_longer_goes(cloud: MediaCloud, workspace: Workspace) -> None:
    old, new = shown(cloud, workspace), shown(cloud, workspace)
    path, admin = f"/v1/workspaces/{workspace.id}", member_of(workspace)
    changed = call(accounts, "PATCH", path, body={"retention_days": 30}, principal=admin)
    assert (changed.status, changed.json["retention_days"]) == (200, 30)
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET created_at = now() - interval '31 days' WHERE id = %s", (old,))
    sweep_assets(sample("sweep_assets/tick"), LambdaContext())
    assert len(cloud.purges(old)) == 1
    purge(workspace, old)
    (item,) = call(accounts, "GET", "/v1/erasures", principal=admin).json["items"]
    assert (item["cause"], item["subject_id"], item["status"]) == ("retention", str(old), "done")
    assert call(media, "GET", f"/v1/assets/{new}", principal=admin).status == 200
    assert call(accounts, "PATCH", path, body={"retention_days": 0}, principal=admin).status == 422
    kept = call(accounts, "PATCH", path, body={"retention_days": None}, principal=admin)
    assert kept.json["retention_days"] is None
    named = call(accounts, "PATCH", path, body={"name": "Fleet"}, principal=admin)
    assert (named.json["name"], named.json["retention_days"]) == ("Fleet", None)


def test_there_is_a_report_however_a_video_was_deleted(cloud: MediaCloud, workspace: Workspace) -> None:
    asset_id = index_video(workspace, np.eye(64, dtype=np.float32)[:1])
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET deleted_at = now() WHERE id = %s", (asset_id,))
    purge(workspace, asset_id)
    (item,) = call(accounts, "GET", "/v1/erasures", principal=member_of(workspace)).json["items"]
    assert (item["subject_id"], item["cause"], item["status"]) == (str(asset_id), "request", "done")


def test_reports_are_the_workspaces_own(
    cloud: MediaCloud, workspace: Workspace, other_workspace: Workspace
) -> None:
    asset_id = shown(cloud, workspace)
    begun = call(media, "DELETE", f"/v1/assets/{asset_id}", principal=member_of(workspace))
    erasure = begun.json["erasure_id"]
    stranger = member_of(other_workspace)
    assert call(accounts, "GET", f"/v1/erasures/{erasure}", principal=stranger).status == 404
    assert call(accounts, "GET", "/v1/erasures", principal=stranger).json["items"] == []
    assert call(accounts, "GET", f"/v1/erasures/{uuid4()}", principal=member_of(workspace)).status == 404
