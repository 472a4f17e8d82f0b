"""Whatever is killed in the middle of indexing, the video is indexed exactly once when things return."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from psycopg import sql

from tests.local.user import User, write_video
from tests.running_cloud import RunningCloud, wait_until

pytestmark = pytest.mark.local

SECONDS = 900
ENDPOINT_DOWN_S = 30
DATABASE_AWAY_S = 60


@pytest.fixture(scope="module")
def user(cloud: RunningCloud) -> User:
    return User(cloud)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fifteen minutes: long enough to be caught in the middle."""
    return write_video(tmp_path_factory.mktemp("footage") / "drive.mp4", seconds=SECONDS)


@pytest.fixture(autouse=True)
def whole(cloud: RunningCloud) -> Iterator[None]:
    """No test leaves anything held down for the next."""
    yield
    for service in ("endpoint", "postgres", "emulator"):
        (cloud.home / f"{service}.hold").unlink(missing_ok=True)


def indexed_once(cloud: RunningCloud, asset_id: str, *, frames: int) -> None:
    """Every frame has one vector in the run that is shown, and no other run left any."""
    with psycopg.connect(cloud.database_url()) as connection:
        run = connection.execute("SELECT ready_run FROM asset WHERE id = %s", [asset_id]).fetchone()
        tables = connection.execute("SELECT table_name FROM vector_space").fetchall()
        points = [
            point
            for (table,) in tables
            for point in connection.execute(
                sql.SQL("SELECT run, time_s FROM {} WHERE asset_id = %s").format(sql.Identifier(table)),
                [asset_id],
            )
        ]
    assert run is not None
    assert {point_run for point_run, _ in points} == {run[0]}
    times = sorted(time_s for _, time_s in points)
    assert len(times) == len(set(times)) == frames


def check(cloud: RunningCloud, user: User, asset_id: str, *, timeout_s: float = 120) -> None:
    asset = user.wait_ready(asset_id, timeout_s=timeout_s)
    assert asset["progress"]["done"] == asset["progress"]["total"] == SECONDS
    indexed_once(cloud, asset_id, frames=SECONDS)


@pytest.mark.parametrize("function", ["extract_frames", "embed_frames"])
def test_a_killed_worker(cloud: RunningCloud, user: User, video: Path, function: str) -> None:
    asset_id = user.upload(video)

    cloud.kill_worker(function)

    check(cloud, user, asset_id)


def test_the_endpoint_is_down_for_half_a_minute(cloud: RunningCloud, user: User, video: Path) -> None:
    asset_id = user.upload(video)
    user.wait_indexing(asset_id)

    cloud.hold("endpoint")
    back_at = time.monotonic() + ENDPOINT_DOWN_S
    wait_until(lambda: time.monotonic() > back_at, timeout_s=60, what="half a minute")
    assert user.asset(asset_id)["status"] == "processing", "it waits for the endpoint"
    cloud.release("endpoint")

    check(cloud, user, asset_id, timeout_s=180)


def test_an_endpoint_that_hangs_holds_no_alert_up(cloud: RunningCloud, user: User) -> None:
    source = user.call("POST", "/v1/alert-sources", json={"name": "Ours", "platform": "datadog"}).json()

    def fired(number: int) -> bool:
        """Sends an alert and waits until it is there; answers whether a model judged it."""
        send_alert(cloud, source, number)
        return not alert_of(user, source, number)["degraded"]

    with cloud.frozen("endpoint"):
        for number in range(12):
            send_alert(cloud, source, number)
        assert all(alert_of(user, source, number)["degraded"] for number in range(12))
    more = itertools.count(12)
    wait_until(lambda: fired(next(more)), timeout_s=60, what="an alert that a model judges again")


def send_alert(cloud: RunningCloud, source: dict[str, Any], number: int) -> None:
    payload = {"monitor_id": str(number), "title": f"disk {number} is full", "alert_transition": "Triggered"}
    with cloud.http(**{"X-Sightline-Secret": source["secret"]}) as http:
        http.post(source["path"], json=payload).raise_for_status()


def alert_of(user: User, source: dict[str, Any], number: int) -> dict[str, Any]:
    """Once it is there."""

    def found() -> dict[str, Any] | None:
        items = user.call("GET", f"/v1/alerts?source_id={source['id']}&limit=100").json()["items"]
        return next((one for one in items if one["title"] == f"disk {number} is full"), None)

    alert: dict[str, Any] = wait_until(found, timeout_s=40, what=f"alert {number}")
    return alert


def test_postgres_is_killed_and_comes_back(cloud: RunningCloud, user: User, video: Path) -> None:
    asset_id = user.upload(video)
    user.wait_indexing(asset_id)

    cloud.hold("postgres")
    cloud.release("postgres")

    check(cloud, user, asset_id)


def test_the_database_is_away_for_longer_than_alerts_are_tried(cloud: RunningCloud, user: User) -> None:
    request = {"name": "Ours", "platform": "datadog"}
    source = user.call("POST", "/v1/alert-sources", json=request).raise_for_status().json()
    # Minutes of waiting in seconds: five tries of two seconds, then the dead letters' own.
    sqs, queues = cloud.aws("sqs"), [cloud.outputs[name] for name in ("AlertQueueUrl", "AlertDlqUrl")]
    usual = {url: visibility(sqs, url) for url in queues}
    for url in queues:
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "2"})
    try:
        cloud.hold("postgres")
        with cloud.http(**{"X-Sightline-Secret": source["secret"]}) as http:
            for number in range(20):
                said = {
                    "monitor_id": str(number),
                    "title": f"Alert {number}",
                    "alert_transition": "Triggered",
                }
                assert http.post(source["path"], json=said).status_code == httpx.codes.ACCEPTED
        back_at = time.monotonic() + DATABASE_AWAY_S
        wait_until(lambda: time.monotonic() > back_at, timeout_s=120, what="the time without a database")
        cloud.release("postgres")
        wait_until(lambda: alerts(user, source["id"]) == 20, timeout_s=120, what="every alert to be read")
    finally:
        for url, seconds in usual.items():
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": seconds})
    assert user.call("GET", "/v1/alert-dead-letters").json()["items"] == []


def test_what_nobody_can_read_lies_still_and_holds_nobody_up(cloud: RunningCloud, user: User) -> None:
    request = {"name": "Ours", "platform": "datadog"}
    source = user.call("POST", "/v1/alert-sources", json=request).raise_for_status().json()
    sqs, queues = cloud.aws("sqs"), [cloud.outputs[name] for name in ("AlertQueueUrl", "AlertDlqUrl")]
    usual = visibility(sqs, queues[0])
    sqs.set_queue_attributes(QueueUrl=queues[0], Attributes={"VisibilityTimeout": "1"})
    try:
        for poison in ("no JSON", '{"delivery_id": "x"}'):
            sqs.send_message(QueueUrl=queues[0], MessageBody=poison)
        with cloud.http(**{"X-Sightline-Secret": source["secret"]}) as http:
            assert http.post(source["path"], json={"monitor_id": "1", "title": "Good"}).is_success
        wait_until(lambda: alerts(user, source["id"]) == 1, timeout_s=60, what="the good one to be read")
        wait_until(lambda: waiting(sqs, queues[1]) == 2, timeout_s=60, what="both poisoned ones to be put by")
    finally:
        sqs.set_queue_attributes(QueueUrl=queues[0], Attributes={"VisibilityTimeout": usual})
        sqs.purge_queue(QueueUrl=queues[1])
    assert user.call("GET", "/v1/alert-dead-letters").json()["items"] == []


def waiting(sqs: Any, url: str) -> int:
    """Messages of a queue, seen or not."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(value) for value in found.values())


def visibility(sqs: Any, url: str) -> str:
    """Seconds that a message which failed waits, as SQS says them."""
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    return str(answer["Attributes"]["VisibilityTimeout"])


def alerts(user: User, source_id: str) -> int:
    """How often alerts of a source came; each of these came once."""
    found = user.call("GET", f"/v1/alerts?source_id={source_id}&limit=200")
    return sum(one["occurrences"] for one in found.json()["items"]) if found.is_success else 0


@pytest.mark.timeout(600)  # what it waits for in turn: 120, 90, 150 and 240 s
def test_everything_is_killed_and_started_again(cloud: RunningCloud, user: User, video: Path) -> None:
    ready_before = user.upload(video)
    user.wait_ready(ready_before)
    asset_id = user.upload(video)
    user.wait_indexing(asset_id)

    cloud.kill_everything()
    cloud.start()

    assert user.asset(ready_before)["status"] == "ready", "what was done is kept"
    check(cloud, user, asset_id, timeout_s=240)
    indexed_once(cloud, ready_before, frames=SECONDS)
