"""The ports Events, Queue and Pipeline over the emulator."""

from uuid import uuid4

import pytest

from sightline.providers.events import EventBridgeEvents
from sightline.providers.sqs import SqsQueue
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


def test_a_run_of_a_name_starts_once_and_tells_how_it_is(cloud: MediaCloud) -> None:
    machine, name = StateMachine(cloud.state_machine), f"{uuid4()}-1"
    assert machine.status(name) is None
    assert machine.start(name, {"run": 1})
    assert machine.status(name) == "RUNNING"
    cloud.end(name)
    assert machine.status(name) == "ABORTED"
    assert machine.start(name, {"run": 1}) is False, "a name is taken even when its run is over"
