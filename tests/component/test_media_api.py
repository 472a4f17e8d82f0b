"""/v1/assets as a client uses it: every call through the handler, uploads over HTTP to the emulator's S3."""

import json
from typing import Any
from uuid import uuid4

import pytest

from functions.media_api.handler import handler as media
from sightline.principal import Principal
from tests.component.conftest import Answer, call, invoke, key_of, member_of
from tests.conftest import Workspace
from tests.media_cloud import MediaCloud, put, sample

pytestmark = pytest.mark.component

MIB = 1024**2


@pytest.fixture(autouse=True)
def cloud(media_cloud: MediaCloud) -> MediaCloud:
    return media_cloud


def create(workspace: Workspace, principal: Principal | None = None, **fields: Any) -> Answer:
    body = {"name": "drive.mp4", "content_type": "video/mp4", "size_bytes": 1000, **fields}
    return call(media, "POST", "/v1/assets", body=body, principal=principal or member_of(workspace))


def read(workspace: Workspace, asset_id: str) -> Answer:
    return call(media, "GET", f"/v1/assets/{asset_id}", principal=member_of(workspace))


def test_an_asset_is_created_and_uploaded(workspace: Workspace, cloud: MediaCloud) -> None:
    created = invoke(media, sample("media_api/create_asset", workspace=workspace))
    assert created.status == 201, created.text
    asset, upload = created.json["asset"], created.json["upload"]
    assert asset["name"] == "2025/11/20 🚗 rain.mp4"
    assert asset["status"] == "awaiting_upload"
    assert asset["metadata"] == {"camera": "front", "drive": {"city": "Seattle", "km": 12.5}}
    assert asset["tags"] == ["rain", "night"]
    assert asset["interval_s"] == 1.0
    assert asset["progress"] == {"stage": "uploading", "done": 0, "total": None, "fraction": 0.0}
    assert asset["created_by"] == str(workspace.user_id)
    assert upload["method"] == "put"
    assert put(upload["url"], b"x" * 1000, upload["headers"]).status_code == 200
    key = f"uploads/{workspace.id}/{asset['id']}/source"
    assert cloud.keys(f"uploads/{workspace.id}/") == [key]
    assert read(workspace, asset["id"]).json == asset


def test_an_upload_address_is_bound_to_type_size_and_once(workspace: Workspace, cloud: MediaCloud) -> None:
    """The emulator does not check signatures; what S3 checks is what was signed."""
    upload = create(workspace).json["upload"]
    signed = upload["url"].partition("X-Amz-SignedHeaders=")[2].partition("&")[0]
    assert signed.split("%3B") == ["content-length", "content-type", "host", "if-none-match"]
    assert upload["headers"] == {
        "Content-Type": "video/mp4",
        "Content-Length": "1000",
        "If-None-Match": "*",
    }
    assert put(upload["url"], b"x" * 1000, upload["headers"]).status_code == 200
    # The same address again, as a client that lost the answer would: what is there stays.
    assert put(upload["url"], b"y" * 1000, upload["headers"]).status_code == 412


@pytest.mark.parametrize(
    "name",
    ["🚗" * 500, "a/b\\c/../../etc/passwd", "x" * 1000, "'; DROP TABLE asset; --", "\u202egnp.4pm", " "],
    ids=["emoji", "slashes", "1000 characters", "SQL", "right to left", "blank"],
)
def test_names_are_kept_as_given_and_never_in_keys(workspace: Workspace, name: str) -> None:
    created = create(workspace, name=name)
    assert created.status == 201, created.text
    assert read(workspace, created.json["asset"]["id"]).json["name"] == name
    assert f"/{created.json['asset']['id']}/source?" in created.json["upload"]["url"]


@pytest.mark.parametrize(
    ("fields", "status", "code", "field"),
    [
        ({"name": ""}, 422, "validation-failed", "body.name"),
        ({"name": "x" * 1001}, 422, "validation-failed", "body.name"),
        ({"name": "a\0b"}, 422, "validation-failed", "body.name"),
        ({"size_bytes": 0}, 422, "validation-failed", "body.size_bytes"),
        ({"size_bytes": -1}, 422, "validation-failed", "body.size_bytes"),
        ({"size_bytes": 60 * 1024**3}, 413, "payload-too-large", None),
        ({"content_type": "application/pdf"}, 415, "unsupported-media-type", None),
        ({"interval_s": 0.01}, 422, "validation-failed", "body.interval_s"),
        ({"interval_s": 61}, 422, "validation-failed", "body.interval_s"),
        ({"metadata": {"x": "\0"}}, 422, "validation-failed", "body.metadata"),
        ({"metadata": {"x": "a" * 20_000}}, 422, "validation-failed", "body.metadata"),
        ({"metadata": []}, 422, "validation-failed", "body.metadata"),
        ({"tags": ["x"] * 51}, 422, "validation-failed", "body.tags"),
        ({"tags": [""]}, 422, "validation-failed", "body.tags.0"),
        ({"colour": "red"}, 422, "validation-failed", "body.*"),
    ],
)
def test_what_is_not_valid_is_answered_by_field(
    workspace: Workspace, fields: dict[str, Any], status: int, code: str, field: str | None
) -> None:
    answer = create(workspace, **fields)
    assert (answer.status, answer.json["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    if field:
        assert answer.json["errors"][0]["field"] == field


@pytest.mark.parametrize(
    "body",
    ['{"name": "\\ud800", "content_type": "video/mp4", "size_bytes": 1}',
     '{"name": "x", "content_type": "video/mp4", "size_bytes": 1, "metadata": {"a": "\\udfff"}}',
     '{"name": "x", "content_type": "video/mp4", "size_bytes": 1, "metadata": {"a": NaN}}',
     '{"name": "x", "content_type": "video/mp4", "size_bytes": 1, "metadata": {"a": 1e999}}',
     '{"name": "x", "content_type": "video/mp4", "size_bytes": 99999999999999999999999999}'],
    ids=["surrogate in name", "surrogate in metadata", "nan", "infinite", "huge size"],
)  # fmt: skip
def test_json_that_postgres_cannot_keep_is_refused(workspace: Workspace, body: str) -> None:
    answer = call(media, "POST", "/v1/assets", body=body, principal=member_of(workspace))
    assert answer.status in (413, 422), answer.text


def test_malformed_json_and_other_types_are_refused(workspace: Workspace) -> None:
    malformed = invoke(media, sample("media_api/create_asset_malformed", workspace=workspace))
    assert (malformed.status, malformed.json["code"]) == (400, "malformed-request")
    other = invoke(media, sample("media_api/create_asset_of_other_type", workspace=workspace))
    assert (other.status, other.json["code"]) == (415, "unsupported-media-type")


def test_a_viewer_reads_and_does_not_write(workspace: Workspace) -> None:
    refused = invoke(media, sample("media_api/create_asset_as_viewer", workspace=workspace))
    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    asset = create(workspace).json["asset"]
    viewer = member_of(workspace, "viewer")
    path = f"/v1/assets/{asset['id']}"
    assert call(media, "GET", path, principal=viewer).status == 200
    writes = [("PATCH", path), ("DELETE", path), ("POST", f"{path}/reprocess"), ("GET", f"{path}/upload")]
    for method, address in writes:
        body = {"name": "x"} if method == "PATCH" else None
        assert call(media, method, address, body=body, principal=viewer).status == 403


def test_a_key_needs_the_scope(workspace: Workspace) -> None:
    reader = key_of(workspace, scopes=("assets:read",))
    assert create(workspace, principal=reader).status == 403
    assert call(media, "GET", "/v1/assets", principal=reader).status == 200
    made = create(workspace, principal=key_of(workspace, scopes=("assets:write",)))
    assert made.status == 201
    assert made.json["asset"]["created_by"] is None


def test_another_workspaces_asset_is_not_there(workspace: Workspace, other_workspace: Workspace) -> None:
    asset_id = create(workspace, size_bytes=100 * MIB).json["asset"]["id"]
    stranger = member_of(other_workspace)
    path = f"/v1/assets/{asset_id}"
    calls: list[tuple[str, str, Any]] = [
        ("GET", path, None),
        ("PATCH", path, {"name": "mine"}),
        ("DELETE", path, None),
        ("POST", f"{path}/reprocess", None),
        ("GET", f"{path}/upload", None),
        ("POST", f"{path}/upload/parts", {"part_numbers": [1]}),
        ("POST", f"{path}/upload/complete", {}),
        ("DELETE", f"{path}/upload", None),
    ]
    for method, address, body in calls:
        answer = call(media, method, address, body=body, principal=stranger)
        assert (answer.status, answer.json["code"]) == (404, "not-found"), (method, address)
    assert call(media, "GET", "/v1/assets", principal=stranger).json["items"] == []
    assert read(workspace, asset_id).json["name"] == "drive.mp4"


def test_an_unknown_asset_and_an_id_that_is_none(workspace: Workspace) -> None:
    assert read(workspace, str(uuid4())).status == 404
    assert read(workspace, "drive.mp4").status == 422


def test_the_list_is_paged_newest_first(workspace: Workspace) -> None:
    made = [create(workspace, name=f"{number}").json["asset"]["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = call(media, "GET", "/v1/assets", query=f"limit=2{cursor}", principal=member_of(workspace)).json
        seen += [asset["id"] for asset in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert seen == made[::-1]


def test_the_list_is_filtered(workspace: Workspace) -> None:
    wanted = invoke(media, sample("media_api/create_asset", workspace=workspace)).json["asset"]["id"]
    create(workspace, tags=["rain"], metadata={"camera": "rear"})
    create(workspace, tags=["sun"], metadata={"camera": "front", "lane": 3, "wet": True})
    listed = invoke(media, sample("media_api/list_assets", workspace=workspace))
    assert [asset["id"] for asset in listed.json["items"]] == [wanted]
    principal = member_of(workspace)
    for query, count in (
        ("meta.camera=front", 2),
        ("meta.lane=3", 1),
        ("meta.wet=true", 1),
        ("meta.camera=front&meta.lane=3", 1),
        ("meta.camera=frontal", 0),
        ("status=ready", 0),
        ("tag=rain", 2),
    ):
        found = call(media, "GET", "/v1/assets", query=query, principal=principal).json["items"]
        assert len(found) == count, query


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("meta.camera=%00", 422),
        ("&".join(f"meta.k{number}=v" for number in range(11)), 422),
        (f"meta.k={'x' * 1001}", 422),
        ("status=nearly", 422),
        ("limit=0", 422),
        ("limit=100000", 422),
        ("cursor=bm90IG91cnM", 400),
        ("tag=%00", 422),
    ],
)
def test_a_filter_that_makes_no_sense_is_refused(workspace: Workspace, query: str, status: int) -> None:
    answer = call(media, "GET", "/v1/assets", query=query, principal=member_of(workspace))
    assert answer.status == status, answer.text


def test_sql_in_a_filter_is_text(workspace: Workspace) -> None:
    create(workspace, metadata={"camera": "front"})
    event = sample("media_api/list_assets_with_sql_in_filter", workspace=workspace)
    assert invoke(media, event).json["items"] == []
    injected = "meta.camera'%20OR%20'1'%3D'1=x"
    assert (
        call(media, "GET", "/v1/assets", query=injected, principal=member_of(workspace)).json["items"] == []
    )


def test_name_metadata_and_tags_are_replaced(workspace: Workspace) -> None:
    asset_id = invoke(media, sample("media_api/create_asset", workspace=workspace)).json["asset"]["id"]
    changed = invoke(media, sample("media_api/change_asset", workspace=workspace, asset_id=asset_id))
    assert changed.status == 200
    assert changed.json["name"] == "Rainy night"
    assert changed.json["tags"] == ["rain"]
    assert changed.json["metadata"] == {"camera": "rear"}
    only_tags = call(
        media, "PATCH", f"/v1/assets/{asset_id}", body={"tags": []}, principal=member_of(workspace)
    )
    assert (only_tags.json["tags"], only_tags.json["name"]) == ([], "Rainy night")


def test_the_same_idempotency_key_creates_once(workspace: Workspace) -> None:
    body = {"name": "once.mp4", "content_type": "video/mp4", "size_bytes": 1000}
    headers = {"idempotency-key": uuid4().hex}
    answers = [
        call(media, "POST", "/v1/assets", body=body, principal=member_of(workspace), headers=headers)
        for _ in range(2)
    ]
    assert answers[0].json == answers[1].json
    assert len(call(media, "GET", "/v1/assets", principal=member_of(workspace)).json["items"]) == 1


def test_my_videos_are_those_i_uploaded_anywhere(workspace: Workspace, other_workspace: Workspace) -> None:
    mine = create(workspace).json["asset"]["id"]
    create(workspace, principal=key_of(workspace))
    create(other_workspace)
    listed = invoke(media, sample("media_api/my_videos", workspace=workspace))
    assert [asset["id"] for asset in listed.json["items"]] == [mine]
    assert call(media, "GET", "/v1/users/me/videos", principal=key_of(workspace)).status == 403


def test_a_deleted_asset_is_gone_at_once(workspace: Workspace, cloud: MediaCloud) -> None:
    asset_id = create(workspace).json["asset"]["id"]
    event = sample("media_api/delete_asset", workspace=workspace, asset_id=asset_id)
    assert invoke(media, event).status == 202
    assert invoke(media, event).status == 404
    assert read(workspace, asset_id).status == 404
    assert call(media, "GET", "/v1/assets", principal=member_of(workspace)).json["items"] == []
    assert invoke(media, sample("media_api/my_videos", workspace=workspace)).json["items"] == []
    assert cloud.purges(asset_id) == [{"workspace_id": str(workspace.id), "asset_id": asset_id}]


def test_only_what_was_indexed_can_be_indexed_again(workspace: Workspace) -> None:
    asset_id = create(workspace).json["asset"]["id"]
    answer = invoke(media, sample("media_api/reprocess_asset", workspace=workspace, asset_id=asset_id))
    assert (answer.status, answer.json["code"]) == (409, "conflict")


def multipart(workspace: Workspace, size_bytes: int) -> tuple[str, dict[str, Any]]:
    made = create(workspace, size_bytes=size_bytes)
    assert made.status == 201, made.text
    assert made.json["upload"]["method"] == "multipart"
    return made.json["asset"]["id"], made.json["upload"]


def sign(workspace: Workspace, asset_id: str, numbers: list[int]) -> Answer:
    path = f"/v1/assets/{asset_id}/upload/parts"
    return call(media, "POST", path, body={"part_numbers": numbers}, principal=member_of(workspace))


def complete(workspace: Workspace, asset_id: str, body: Any) -> Answer:
    path = f"/v1/assets/{asset_id}/upload/complete"
    return call(media, "POST", path, body=body, principal=member_of(workspace))


def test_a_large_upload_is_sent_in_parts_and_resumed(workspace: Workspace, cloud: MediaCloud) -> None:
    size = 65 * MIB
    asset_id, upload = multipart(workspace, size)
    assert upload["part_size_bytes"] == 16 * MIB
    assert upload["part_count"] == 5
    data = bytes(size)

    def send(numbers: list[int]) -> list[dict[str, Any]]:
        sent = []
        for part in sign(workspace, asset_id, numbers).json["parts"]:
            start = (part["part_number"] - 1) * 16 * MIB
            piece = data[start : start + 16 * MIB]
            assert part["headers"] == {"Content-Length": str(len(piece))}
            answer = put(part["url"], piece, part["headers"])
            sent.append({"part_number": part["part_number"], "etag": answer.headers["ETag"]})
        return sent

    send([1, 2, 5])
    early = complete(workspace, asset_id, {})
    assert (early.status, early.json["code"]) == (409, "upload-incomplete")
    assert early.json["detail"] == "2 of 5 parts are missing, first 3."
    # Another process goes on: it asks what is there.
    resumed = invoke(media, sample("media_api/read_upload", workspace=workspace, asset_id=asset_id)).json
    uploaded = {part["part_number"]: part["size_bytes"] for part in resumed["uploaded"]}
    assert uploaded == {1: 16 * MIB, 2: 16 * MIB, 5: MIB}
    send([3, 4])
    wrong = [{"part_number": number, "etag": '"0"'} for number in range(1, 6)]
    assert complete(workspace, asset_id, {"parts": wrong}).status == 409
    assert complete(workspace, asset_id, {}).status == 200
    # Told twice, it is complete.
    assert complete(workspace, asset_id, {}).status == 200
    head = cloud.s3.head_object(Bucket=cloud.bucket, Key=f"uploads/{workspace.id}/{asset_id}/source")
    assert (head["ContentLength"], head["ContentType"]) == (size, "video/mp4")


@pytest.mark.parametrize(
    ("numbers", "status"), [([0], 422), ([14], 422), ([], 422), ([1] * 501, 422), ([1, 13, 1], 200)]
)
def test_only_the_uploads_own_parts_are_signed(workspace: Workspace, numbers: list[int], status: int) -> None:
    asset_id, _ = multipart(workspace, 200 * MIB)
    answer = sign(workspace, asset_id, numbers)
    assert answer.status == status, answer.text
    if status == 200:
        assert [part["part_number"] for part in answer.json["parts"]] == [1, 13]
        assert answer.json["parts"][1]["headers"] == {"Content-Length": str(8 * MIB)}


def test_fifty_gigabytes_are_taken(workspace: Workspace) -> None:
    asset_id, upload = multipart(workspace, 50 * 1024**3)
    assert upload["part_count"] == 3200
    assert sign(workspace, asset_id, list(range(2701, 3201))).status == 200


def test_an_upload_is_abandoned(workspace: Workspace, cloud: MediaCloud) -> None:
    asset_id, upload = multipart(workspace, 100 * MIB)
    event = sample("media_api/abandon_upload", workspace=workspace, asset_id=asset_id)
    assert invoke(media, event).status == 204
    assert read(workspace, asset_id).json["status"] == "expired"
    open_uploads = cloud.s3.list_multipart_uploads(Bucket=cloud.bucket).get("Uploads", [])
    assert upload["upload_id"] not in [found["UploadId"] for found in open_uploads]
    again = invoke(media, event)
    assert (again.status, again.json["code"]) == (410, "upload-expired")
    assert sign(workspace, asset_id, [1]).status == 410


def test_one_put_has_no_parts(workspace: Workspace) -> None:
    asset_id = create(workspace).json["asset"]["id"]
    assert sign(workspace, asset_id, [1]).json["code"] == "conflict"
    fresh = invoke(media, sample("media_api/read_upload", workspace=workspace, asset_id=asset_id)).json
    assert fresh["method"] == "put"


def test_the_answers_carry_no_insides(workspace: Workspace) -> None:
    shown = create(workspace).json["asset"]
    assert not {"source_version", "plan", "upload_id", "heartbeat_at", "deleted_at"} & set(shown)
    assert json.dumps(shown)
