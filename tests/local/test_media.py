"""Media on the whole stack: refused in words, deleted without a trace, large in parts, lost and found."""

import time
from collections.abc import Callable
from functools import cache
from typing import Any

import httpx
import psycopg
import pytest

from tests.local.user import User
from tests.running_cloud import RunningCloud, wait_until
from tests.videos import sound_only, video

pytestmark = pytest.mark.local

MIB = 1024**2


@cache
def clip() -> bytes:
    """Made when first needed, not when tests are collected."""
    return video(seconds=4)


@pytest.fixture(scope="module")
def user(cloud: RunningCloud) -> User:
    return User(cloud)


def upload(
    cloud: RunningCloud, user: User, data: bytes, *, name: str = "drive.mp4", content_type: str = "video/mp4"
) -> str:
    wanted = {"name": name, "content_type": content_type, "size_bytes": len(data)}
    made = user.call("POST", "/v1/assets", json=wanted).raise_for_status().json()
    with cloud.outside() as http:
        http.put(made["upload"]["url"], content=data, headers=made["upload"]["headers"]).raise_for_status()
    return str(made["asset"]["id"])


def settled(user: User, asset_id: str) -> dict[str, Any]:
    """The asset when its run has ended."""

    def ended() -> dict[str, Any] | None:
        asset = user.asset(asset_id)
        return asset if asset["status"] in ("ready", "failed") else None

    return wait_until(ended, timeout_s=90, what="the end of indexing")


def test_what_cannot_be_indexed_fails_in_words(cloud: RunningCloud, user: User) -> None:
    index_first = video(seconds=6, container_options={"movflags": "faststart"})
    refused: dict[str, tuple[bytes, str, str]] = {
        "text.mp4": (b"This is no video. " * 100, "video/mp4", "not-a-video"),
        "truncated, index last.mp4": (clip()[: len(clip()) // 2], "video/mp4", "truncated-file"),
        "truncated, index first.mp4": (index_first[: len(index_first) // 2], "video/mp4", "truncated-file"),
        "song.mp4": (sound_only(), "video/mp4", "no-video-stream"),
        "not webm.webm": (clip(), "video/webm", "type-mismatch"),
    }
    uploaded = {
        name: upload(cloud, user, data, name=name, content_type=content_type)
        for name, (data, content_type, _) in refused.items()
    }
    for name, asset_id in uploaded.items():
        asset = settled(user, asset_id)
        assert asset["status"] == "failed", name
        assert asset["failure"]["code"] == refused[name][2], asset["failure"]
        assert asset["failure"]["reason"].endswith("."), asset["failure"]


@pytest.mark.parametrize(
    ("make", "name", "content_type"),
    [
        (lambda: video(seconds=3, rotation=-90), "phone 📱.mp4", "video/mp4"),
        (lambda: video(seconds=3, codec="libx265"), "a/b/../hevc.mp4", "video/mp4"),
        (lambda: video(seconds=3, codec="libvpx-vp9", container="webm"), "x" * 500, "video/webm"),
        (lambda: video(seconds=3, codec="libsvtav1", container="mkv"), "av1.mkv", "video/x-matroska"),
        (lambda: video(times_s=[0, 0.3, 1.1, 2.0, 2.7]), "uneven.mp4", "video/mp4"),
        (lambda: video(times_s=[0, 1, 86_400]), "a day.mp4", "video/mp4"),
        (lambda: video(seconds=3, width=322, height=178), "odd.mp4", "application/octet-stream"),
    ],
    ids=["rotated", "hevc", "vp9", "av1", "variable rate", "gap of a day", "odd size"],
)
def test_unusual_videos_are_indexed(
    cloud: RunningCloud, user: User, make: Callable[[], bytes], name: str, content_type: str
) -> None:
    asset = settled(user, upload(cloud, user, make(), name=name, content_type=content_type))
    assert asset["status"] == "ready", asset["failure"]
    assert asset["name"] == name
    assert asset["progress"]["done"] == 3


def test_a_large_video_comes_in_parts(cloud: RunningCloud, user: User) -> None:
    """Padded behind its end to need parts: a free atom, which every player passes over."""
    padding = 65 * MIB - len(clip())
    data = clip() + padding.to_bytes(4, "big") + b"free" + bytes(padding - 8)
    wanted = {"name": "large.mp4", "content_type": "video/mp4", "size_bytes": len(data)}
    made = user.call("POST", "/v1/assets", json=wanted).raise_for_status().json()
    path, size = f"/v1/assets/{made['asset']['id']}/upload", made["upload"]["part_size_bytes"]
    numbers = list(range(1, made["upload"]["part_count"] + 1))
    signed = user.call("POST", f"{path}/parts", json={"part_numbers": numbers}).raise_for_status().json()
    with cloud.outside() as http:
        for part in signed["parts"]:
            piece = data[(part["part_number"] - 1) * size : part["part_number"] * size]
            http.put(part["url"], content=piece, headers=part["headers"]).raise_for_status()
    assert user.call("POST", f"{path}/complete", json={}).status_code == httpx.codes.OK
    assert settled(user, made["asset"]["id"])["status"] == "ready"


def test_a_deleted_video_leaves_nothing(cloud: RunningCloud, user: User) -> None:
    asset_id = upload(cloud, user, clip())
    assert settled(user, asset_id)["status"] == "ready"
    assert user.call("DELETE", f"/v1/assets/{asset_id}").status_code == httpx.codes.ACCEPTED
    assert user.call("GET", f"/v1/assets/{asset_id}").status_code == httpx.codes.NOT_FOUND
    s3, bucket = cloud.aws("s3"), cloud.outputs["MediaBucketName"]

    def gone() -> bool:
        left = s3.list_object_versions(Bucket=bucket)
        keys = [found["Key"] for kind in ("Versions", "DeleteMarkers") for found in left.get(kind, [])]
        return not [key for key in keys if asset_id in key] and not rows_of(cloud, asset_id)

    wait_until(gone, timeout_s=60, what="the purge")


def rows_of(cloud: RunningCloud, asset_id: str) -> int:
    with psycopg.connect(cloud.database_url()) as connection:
        row = connection.execute("SELECT count(*) FROM asset WHERE id = %s", [asset_id]).fetchone()
    return int(row[0]) if row else 0


def test_a_video_is_indexed_again_and_lists_as_ones_own(cloud: RunningCloud, user: User) -> None:
    asset_id = upload(cloud, user, clip())
    assert settled(user, asset_id)["run"] == 1
    assert user.call("POST", f"/v1/assets/{asset_id}/reprocess").status_code == httpx.codes.ACCEPTED
    again = wait_until(
        lambda: (asset := settled(user, asset_id))["run"] == 2 and asset, timeout_s=60, what="the second run"
    )
    assert again["status"] == "ready"
    mine = user.call("GET", "/v1/users/me/videos").raise_for_status().json()
    assert asset_id in [asset["id"] for asset in mine["items"]]


def test_an_upload_whose_event_was_lost_is_found_by_the_sweep(cloud: RunningCloud, user: User) -> None:
    """Nobody tells start_pipeline: the rule that would is off."""
    events = cloud.aws("events")
    (rule,) = [found["Name"] for found in events.list_rules()["Rules"] if "OnUpload" in found["Name"]]
    events.disable_rule(Name=rule)
    try:
        asset_id = upload(cloud, user, clip())
        with psycopg.connect(cloud.database_url()) as connection:
            connection.execute(
                "UPDATE asset SET heartbeat_at = now() - interval '2 minutes',"
                " swept_at = now() - interval '2 minutes' WHERE id = %s",
                [asset_id],
            )
        before = time.monotonic()
        found = wait_until(
            lambda: user.asset(asset_id)["status"] in ("processing", "ready"),
            timeout_s=90,
            what="the sweep",
        )
    finally:
        events.enable_rule(Name=rule)
    assert found
    assert time.monotonic() - before < 90
    assert settled(user, asset_id)["status"] == "ready"
