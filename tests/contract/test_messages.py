"""The ports Events, Queue and Pipeline over the emulator."""

from typing import Any
from uuid import uuid4

import pytest

from sightline.providers.events import EventBridgeEvents
from sightline.providers.sqs import SqsQueue, SqsRedelivery
from sightline.providers.stepfunctions import StateMachine
from tests.media_cloud import MediaCloud, media_resources  # noqa: F401 - a fixture

pytestmark = pytest.mark.contract


@pytest.fixture
def cloud(media_resources: MediaCloud, emulator: str, monkeypatch: pytest.MonkeyPatch) -> MediaCloud:  # noqa: F811
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    return media_resources


def test_an_event_reaches_who_listens(cloud: MediaCloud) -> None:
    asset_id = uuid4()
    EventBridgeEvents(cloud.bucket).publish("asset.ready", {"asset_id": asset_id, "run": 3})
    assert cloud.heard(asset_id) == [("asset.ready", 3)]


def test_a_message_reaches_the_queue(cloud: MediaCloud) -> None:
    asset_id = uuid4()
    SqsQueue(cloud.purge_queue).send({"workspace_id": uuid4(), "asset_id": asset_id})
    assert [message["asset_id"] for message in cloud.purges(asset_id)] == [str(asset_id)]


class Hasty:
    """A client for whom half a minute is no time."""

    def __init__(self, sqs: Any) -> None:
        self.sqs, self.pauses_s = sqs, list[int]()

    def change_message_visibility(self, *, VisibilityTimeout: int, **more: str) -> None:  # noqa: N803 - AWS's name
        self.pauses_s.append(VisibilityTimeout)
        self.sqs.change_message_visibility(VisibilityTimeout=0, **more)


def test_a_message_whose_work_was_given_back_comes_again_after_a_pause_that_grows(cloud: MediaCloud) -> None:
    made = cloud.sqs.create_queue(QueueName=str(uuid4()), Attributes={"VisibilityTimeout": "900"})
    queue, hasty = made["QueueUrl"], Hasty(cloud.sqs)
    SqsQueue(queue).send({"n": 1})
    for times in range(1, 7):
        (taken,) = cloud.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2)["Messages"]
        SqsRedelivery(queue, hasty).again(taken["ReceiptHandle"], times)  # type: ignore[arg-type]
    assert hasty.pauses_s == [30, 60, 120, 240, 240, 240]
    SqsRedelivery(queue).again("no receipt", 1)  # told by a log line: the queue's own time holds


def test_a_run_of_a_name_starts_once_and_tells_how_it_is(cloud: MediaCloud) -> None:
    machine, name = StateMachine(cloud.state_machine), f"{uuid4()}-1"
    assert machine.status(name) is None
    assert machine.start(name, {"run": 1})
    assert machine.status(name) == "RUNNING"
    cloud.end(name)
    assert machine.status(name) == "ABORTED"
    assert machine.start(name, {"run": 1}) is False, "a name is taken even when its run is over"
