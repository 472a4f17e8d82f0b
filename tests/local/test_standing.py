"""Concepts and standing searches on the whole stack, up to the receiver of a signed webhook."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from tests.local.user import User, write_video
from tests.running_cloud import RunningCloud, wait_until
from tests.webhook_receiver import Received, Receiver, receiving

pytestmark = pytest.mark.local

WAIT_S = 90.0


@pytest.fixture(scope="module")
def user(cloud: RunningCloud) -> User:
    return User(cloud)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def made(user: User, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = user.call("POST", f"/v1{path}", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def arrived(receiver: Receiver, kind: str, secret: str) -> dict[str, Any]:
    """The first message of a kind, verified by the specification's own library."""

    def look() -> Received | None:
        return next((one for one in receiver.received if kind.encode() in one.body), None)

    one = wait_until(look, timeout_s=WAIT_S, what=kind)
    message: dict[str, Any] = Webhook(secret).verify(one.body, one.headers)
    assert message["type"] == kind
    return message


def test_a_standing_search_tells_a_receiver_of_a_new_video(
    cloud: RunningCloud, user: User, receiver: Receiver, tmp_path: Path
) -> None:
    # GIVEN a receiver that is away for a moment, and a standing search
    endpoint = made(user, "/webhook-endpoints", {"url": receiver.url})
    receiver.answers = [(503, {})]
    user.call("POST", f"/v1/webhook-endpoints/{endpoint['id']}/test").raise_for_status()
    question = {"text": "a road", "limit": 5}
    saved = made(user, "/saved-searches", {"name": "roads", "request": question, "standing": True, "bar": 0})
    # WHEN a video is uploaded and becomes ready
    asset_id = user.upload(write_video(tmp_path / "drive.mp4", seconds=24), interval_s=0.5)
    user.wait_ready(asset_id)
    # THEN the receiver is told, and of the test too, at the second attempt
    data = arrived(receiver, "search.matched", endpoint["secret"])["data"]
    assert (data["asset_id"], data["saved_search_id"]) == (asset_id, saved["id"])
    assert data["moments"]
    arrived(receiver, "webhook.test", endpoint["secret"])

    def delivered() -> list[dict[str, Any]] | None:
        path = f"/v1/webhook-endpoints/{endpoint['id']}/deliveries"
        items = user.call("GET", path).raise_for_status().json()["items"]
        return items if all(item["status"] == "delivered" for item in items) else None

    deliveries = wait_until(delivered, timeout_s=WAIT_S, what="both deliveries")
    assert sorted(item["attempts"] for item in deliveries) == [1, 2]
    matches = user.call("GET", f"/v1/saved-searches/{saved['id']}/matches").raise_for_status().json()
    assert [match["asset_id"] for match in matches["items"]] == [asset_id]
    assert endpoint["secret"] not in cloud.function_log("deliver_webhooks") + cloud.function_log(
        "outgoing_api"
    )


def test_a_concept_is_taught_kept_and_tags_a_video(user: User, tmp_path: Path) -> None:
    asset_id = user.upload(write_video(tmp_path / "taught.mp4", seconds=24), interval_s=0.5)
    user.wait_ready(asset_id)
    frames = [{"asset_id": asset_id, "time_s": at} for at in range(24)]
    concept = made(user, "/concepts", {"name": "first half", "yes": frames[:10], "no": frames[14:]})
    path = f"/v1/concepts/{concept['id']}"
    user.call("POST", f"{path}/train").raise_for_status()

    def trained() -> dict[str, Any] | None:
        latest: dict[str, Any] = user.call("GET", path).raise_for_status().json()["latest"]
        assert latest["status"] != "failed", latest
        return latest if latest["status"] == "draft" else None

    draft = wait_until(trained, timeout_s=WAIT_S, what="the training")
    assert 0 <= draft["metrics"]["precision"] <= 1
    user.call("POST", f"{path}/versions/1/keep", json={"bar": 0.5}).raise_for_status()
    wait_until(lambda: "concept:first half" in user.asset(asset_id)["tags"], timeout_s=WAIT_S, what="the tag")
    # Alone, with a filter on the video and on the concept's own tag.
    filters = {"asset_ids": [asset_id], "tags": ["concept:first half"]}
    question = {"concepts": [{"concept": "first half"}], "filters": filters, "limit": 1}
    found = user.call("POST", "/v1/search", json=question).raise_for_status().json()
    assert found["moments"][0]["confidence"] >= 0.5
