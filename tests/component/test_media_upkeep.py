"""What nobody looks after: lost events, dead runs, uploads never finished, deletions half done."""

from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from functions.media_api.handler import handler as media_api
from functions.purge_asset.handler import handler as purge_asset
from functions.sweep_assets.handler import handler as sweep_assets
from sightline.database import transaction
from sightline.media.rules import MAX_REDRIVES, execution_name
from tests.component.conftest import LambdaContext, call, member_of
from tests.component.test_pipeline_media import Upload
from tests.conftest import Database, Workspace
from tests.media_cloud import MediaCloud, age, count, sample

pytestmark = pytest.mark.component

MIB = 1024**2
DAY_S = 86_400.0


@pytest.fixture(autouse=True)
def settled(database: Database, media_cloud: MediaCloud, workspace: Workspace) -> None:
    """What other tests left unattended is looked after first, so that counts are this test's.

    What they left moments ago too: it would come due in the middle of a test on a slow machine.
    """
    with psycopg.connect(make_conninfo(database.admin_url, dbname="sightline"), autocommit=True) as admin:
        admin.execute(
            "UPDATE asset SET heartbeat_at = now() - interval '2 minutes',"
            " swept_at = now() - interval '2 minutes'"
        )
    sweep(workspace)


def sweep(workspace: Workspace) -> dict[str, int]:
    done: dict[str, int] = sweep_assets(sample("sweep_assets/tick", workspace=workspace), LambdaContext())
    return done


def purge(upload: Upload) -> Any:
    return purge_asset(upload.event("purge_asset/deleted_asset"), LambdaContext())


def purge_workspace(workspace: Workspace) -> Any:
    """As the sweep asks for it once no asset is left."""
    return purge_asset(sample("purge_asset/deleted_workspace", workspace=workspace), LambdaContext())


def delete(upload: Upload) -> None:
    path = f"/v1/assets/{upload.asset_id}"
    assert call(media_api, "DELETE", path, principal=member_of(upload.workspace)).status == 202


def names(upload: Upload, *runs: int) -> list[str]:
    return [execution_name(upload.asset_id, upload.version, run) for run in runs]


def test_an_upload_whose_event_was_lost_is_found(workspace: Workspace, media_cloud: MediaCloud) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    assert sweep(workspace).get("upload found") is None, "the event may still come"
    age(upload.asset_id, 61, workspace=workspace)
    assert sweep(workspace)["upload found"] == 1
    assert upload.shown["status"] == "processing"
    assert media_cloud.executions(upload.asset_id) == names(upload, 1)
    # The event comes after all.
    upload.start()
    assert media_cloud.executions(upload.asset_id) == names(upload, 1)
    assert upload.run == 1


def test_an_upload_never_finished_expires_and_its_parts_go(
    workspace: Workspace, media_cloud: MediaCloud
) -> None:
    upload = Upload(workspace, declared=100 * MIB)
    age(upload.asset_id, 6 * DAY_S, workspace=workspace)
    assert sweep(workspace) == {"waiting": 1}
    age(upload.asset_id, 2 * DAY_S, workspace=workspace)
    assert sweep(workspace) == {"upload expired": 1}
    assert upload.shown["status"] == "expired"
    prefix = f"uploads/{workspace.id}/{upload.asset_id}"
    opened = media_cloud.s3.list_multipart_uploads(Bucket=media_cloud.bucket).get("Uploads", [])
    assert not [found for found in opened if found["Key"].startswith(prefix)]
    age(upload.asset_id, DAY_S, workspace=workspace)
    assert sweep(workspace) == {}


def test_a_file_that_arrives_after_all_is_indexed(workspace: Workspace, media_cloud: MediaCloud) -> None:
    upload = Upload(workspace)
    age(upload.asset_id, 8 * DAY_S, workspace=workspace)
    assert sweep(workspace) == {"upload expired": 1}
    upload.arrive(media_cloud).start()
    assert upload.shown["status"] == "processing"


def test_a_run_that_was_never_started_is_started(workspace: Workspace, media_cloud: MediaCloud) -> None:
    """The process died between the row's commit and StartExecution."""
    upload = Upload(workspace).arrive(media_cloud)
    with transaction(workspace.id) as conn:
        conn.execute(
            "UPDATE asset SET status = 'processing', stage = 'queued', run = 1, source_version = %s,"
            " admitted_at = now() WHERE id = %s",
            (upload.version, upload.asset_id),
        )
    age(upload.asset_id, 61, workspace=workspace)
    assert sweep(workspace) == {"run started": 1}
    assert media_cloud.executions(upload.asset_id) == names(upload, 1)
    age(upload.asset_id, 61, workspace=workspace)
    assert sweep(workspace) == {"running": 1}
    assert media_cloud.executions(upload.asset_id) == names(upload, 1)


def test_a_run_that_ended_without_a_word_is_begun_anew_and_indexed_once(
    workspace: Workspace, media_cloud: MediaCloud, embedding: Any
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    (chunk,) = upload.probe()
    upload.extract(chunk)
    upload.embed(0)
    media_cloud.end(names(upload, 1)[0])
    age(upload.asset_id, 61, workspace=workspace)
    assert sweep(workspace) == {"run begun anew": 1}
    assert upload.run == 2
    assert media_cloud.executions(upload.asset_id) == names(upload, 1, 2)
    assert sweep(workspace) == {}
    upload.index()
    assert upload.shown["status"] == "ready"
    assert (upload.points(), upload.rows("media_sheet"), upload.rows("media_chunk")) == (5, 1, 1)


def test_a_run_that_stands_still_for_hours_is_begun_anew(
    workspace: Workspace, media_cloud: MediaCloud
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    age(upload.asset_id, 3600, workspace=workspace)
    assert sweep(workspace) == {"running": 1}
    age(upload.asset_id, 2 * 3600, workspace=workspace)
    assert sweep(workspace) == {"run begun anew": 1}


def test_after_some_runs_it_gives_up_in_words(workspace: Workspace, media_cloud: MediaCloud) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    for run in range(1, MAX_REDRIVES + 1):
        media_cloud.end(names(upload, run)[0])
        age(upload.asset_id, 61, workspace=workspace)
        assert sweep(workspace) == {"run begun anew": 1}
    media_cloud.end(names(upload, MAX_REDRIVES + 1)[0])
    age(upload.asset_id, 61, workspace=workspace)
    assert sweep(workspace) == {"gave up": 1}
    assert upload.shown["status"] == "failed"
    assert upload.shown["failure"]["code"] == "gave-up"
    # Its owner may try again, and has all attempts again.
    path = f"/v1/assets/{upload.asset_id}/reprocess"
    assert call(media_api, "POST", path, principal=member_of(workspace)).status == 202
    assert count("SELECT redrives FROM asset WHERE id = %s", upload.asset_id, workspace=workspace) == 0


def test_a_deletion_leaves_nothing(workspace: Workspace, media_cloud: MediaCloud, embedding: Any) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.arrive(media_cloud)  # two versions of the source
    upload.start()
    upload.index()
    delete(upload)
    for _ in range(2):  # a queue delivers at least once
        assert purge(upload) == {"batchItemFailures": []}
    assert media_cloud.keys(f"uploads/{workspace.id}/") == []
    assert media_cloud.keys(f"sheets/{workspace.id}/") == []
    assert upload.points() == 0
    for table in ("media_chunk", "media_sheet"):
        assert upload.rows(table) == 0
    assert count("SELECT count(*) FROM asset", workspace=workspace) == 0
    assert media_cloud.heard(upload.asset_id) == [("asset.ready", 1), ("asset.deleted", 1)]


def test_what_comes_after_a_deletion_goes_too(workspace: Workspace, media_cloud: MediaCloud) -> None:
    """The signed address outlives the asset."""
    upload = Upload(workspace)
    delete(upload)
    purge(upload)
    media_cloud.purges(upload.asset_id)
    upload.arrive(media_cloud).start()
    assert media_cloud.executions(upload.asset_id) == []
    assert len(media_cloud.purges(upload.asset_id)) == 1
    purge(upload)
    assert media_cloud.keys(f"uploads/{workspace.id}/") == []


def test_a_purge_that_nobody_asked_for_does_nothing(workspace: Workspace, media_cloud: MediaCloud) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    purge(upload)
    assert upload.shown["status"] == "awaiting_upload"
    assert len(media_cloud.keys(f"uploads/{workspace.id}/")) == 1


def test_a_purge_of_another_workspaces_asset_does_nothing(
    workspace: Workspace, other_workspace: Workspace, media_cloud: MediaCloud
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    delete(upload)
    event = sample("purge_asset/deleted_asset", workspace=other_workspace, asset_id=upload.asset_id)
    purge_asset(event, LambdaContext())
    assert count("SELECT count(*) FROM asset", workspace=workspace) == 1


def test_a_deletion_whose_message_was_lost_is_done(workspace: Workspace, media_cloud: MediaCloud) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    delete(upload)
    media_cloud.purges(upload.asset_id)
    age(upload.asset_id, 61, workspace=workspace)
    assert sweep(workspace) == {"purging": 1}
    assert len(media_cloud.purges(upload.asset_id)) == 1


def test_an_asset_deleted_while_it_is_indexed_leaves_nothing(
    workspace: Workspace, media_cloud: MediaCloud, embedding: Any
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    upload.start()
    task = upload.task()
    (chunk,) = upload.probe()
    upload.extract(chunk)
    delete(upload)
    purge(upload)
    from functions.embed_frames.handler import handler as embed_frames
    from functions.extract_frames.handler import handler as extract_frames
    from sightline.errors import ConflictError

    with pytest.raises(ConflictError):
        extract_frames({**task, "chunk": chunk}, LambdaContext())
    with pytest.raises(ConflictError):
        embed_frames({**task, "sheet_no": 0}, LambdaContext())
    assert media_cloud.keys(f"sheets/{workspace.id}/") == []
    assert upload.points() == 0


def test_a_deleted_workspaces_assets_are_purged_and_it_is_forgotten(
    workspace: Workspace, media_cloud: MediaCloud
) -> None:
    upload = Upload(workspace).arrive(media_cloud)
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE workspace SET deleted_at = now() WHERE id = %s", (workspace.id,))
    sweep(workspace)
    assert len(media_cloud.purges(upload.asset_id)) == 1
    purge(upload)
    assert media_cloud.keys(f"uploads/{workspace.id}/") == []
    purge_workspace(workspace)
    assert count("SELECT count(*) FROM workspace", workspace=workspace) == 0


def test_one_asset_that_fails_does_not_keep_the_sweep_from_others(
    workspace: Workspace, media_cloud: MediaCloud
) -> None:
    broken, lost = Upload(workspace), Upload(workspace).arrive(media_cloud)
    with transaction(workspace.id) as conn:
        # A row that no code of ours writes: processing, and no version of the source.
        conn.execute(
            "UPDATE asset SET status = 'processing', admitted_at = now() WHERE id = %s", (broken.asset_id,)
        )
    for upload in (broken, lost):
        age(upload.asset_id, 61, workspace=workspace)
    with pytest.raises(ExceptionGroup, match="1 of 2 assets"):
        sweep(workspace)
    assert lost.shown["status"] == "processing"
    with transaction(workspace.id) as conn:
        conn.execute("UPDATE asset SET status = 'expired' WHERE id = %s", (broken.asset_id,))


def test_two_sweeps_at_once_share_the_work(workspace: Workspace, media_cloud: MediaCloud) -> None:
    from sightline.media import store

    upload = Upload(workspace).arrive(media_cloud)
    age(upload.asset_id, 61, workspace=workspace)
    with transaction() as one, transaction() as other:
        first = store.claim_unattended(one, quiet_s=60, limit=10)
        second = store.claim_unattended(other, quiet_s=60, limit=10)
    assert [str(asset_id) for _, asset_id in first] == [upload.asset_id]
    assert second == []
