"""What becomes of messages whose incident went into another, or that nobody here knows the place of."""

from uuid import UUID

import pytest

from sightline.database import transaction
from sightline.incidents.grouping import config_store, lifecycle, member_store, timeline_store
from sightline.incidents.grouping.actions import merge
from sightline.incidents.grouping.arranging import arrange
from sightline.incidents.grouping.family import Cluster
from tests.component.incidents import Desk
from tests.component.notices import Dies, Office, made_vault, opened_office, served_slack  # noqa: F401 - fixtures
from tests.component.test_incidents import NOON_S
from tests.fake_slack import FakeSlack

pytestmark = pytest.mark.component


@pytest.fixture(name="pair")
def two_incidents(office: Office) -> tuple[UUID, UUID]:
    """Two open ones of two alerts each, of other services."""
    desk = Desk(office.workspace)
    for service in ("checkout", "search"):
        for minute in (0, 1):
            desk.fire(f"{service}-{minute}", NOON_S + 60 * minute, service=service)
    first, second = sorted(desk.incidents("open"), key=lambda one: int(one["number"]))
    return UUID(first["id"]), UUID(second["id"])


def _takes_one(office: Office, loses: UUID, gains: UUID) -> int:
    """The second alert of one turns out to be the other's; the version that the bus is told of."""
    with transaction(office.workspace.id) as conn:
        stays, goes = member_store.alerts_of(conn, loses)
        because = {"score": 0.9, "because": ["it depends on it"], "alert_id": None}
        theirs = [*member_store.alerts_of(conn, gains), goes]
        clusters = [Cluster(rows, {one["id"]: because for one in rows}) for rows in ([stays], theirs)]
        for one in arrange(conn, clusters):
            lifecycle.refresh(conn, one, settings=config_store.settings(conn))
        (untold,) = timeline_store.untold(conn, [loses])
    assert untold["kinds"] == ["withdrawn"]
    return int(untold["version"])


def test_an_incident_that_loses_its_alerts_is_withdrawn_where_it_was_told_and_once(
    office: Office, slack: FakeSlack, pair: tuple[UUID, UUID]
) -> None:
    for kind in ("slack_bot", "slack", "email"):
        office.channel(kind)
    loses, gains = pair
    office.tell(loses, 1, "opened")
    version = _takes_one(office, loses, gains)
    for _ in range(2):
        office.tell(loses, version, "withdrawn")
    (message,) = [body for body in slack.posted.values() if "attachments" in body]
    assert "withdrawn: its alerts belong to INC-2" in message["text"]
    assert not [one for one in message["attachments"][0]["blocks"] if one["type"] == "actions"]
    methods = [call.method for call in slack.calls]
    assert methods == ["chat.postMessage", "hook", "chat.update", "chat.postMessage", "hook"]
    assert "Withdrawn: its alerts belong to another incident" in str(slack.bodies()[1])
    assert "withdrawn: its alerts belong to INC-2" in office.mail.sent[1].text
    assert len(office.mail.sent) == 2
    # It opens after all: the same message says so.
    office.tell(loses, office.change(loses, "opened", status="open"), "opened")
    assert next(iter(slack.posted.values()))["text"].endswith(", open)")


def test_nobody_hears_of_what_was_withdrawn_before_it_was_told(
    office: Office, slack: FakeSlack, pair: tuple[UUID, UUID]
) -> None:
    office.channel("slack_bot")
    loses, gains = pair
    office.hear(loses, 1, "opened")
    version = _takes_one(office, loses, gains)
    office.work()
    office.tell(loses, version, "withdrawn")
    assert slack.calls == []
    assert office.statuses() == [(1, "cancelled"), (version, "cancelled")]


def test_one_that_is_merged_says_into_which(
    office: Office, slack: FakeSlack, pair: tuple[UUID, UUID]
) -> None:
    office.channel("slack_bot")
    goes, stays = pair
    office.summarise(goes, ["It still fires."])
    office.tell(goes, 1, "opened")
    assert "It still fires." in str(slack.posted)
    merge(office.workspace.id, stays, [goes], actor="user:1", events=office.bus)
    told = {detail["incident_id"]: detail for _, detail in office.bus.events}[str(goes)]
    for _ in range(2):
        office.tell(goes, told["version"], *told["kinds"])
    (message,) = [one for one in slack.posted.values() if "thread_ts" not in one]
    assert "merged into INC-2" in message["text"]
    assert "It still fires." not in str(message), "what was summed up holds no more"
    assert [call.method for call in slack.calls] == ["chat.postMessage", "chat.update", "chat.postMessage"]


@pytest.mark.parametrize("after", [False, True])
def test_a_bot_killed_while_it_posts_finds_its_message_before_it_tells_anew(
    office: Office, slack: FakeSlack, after: bool
) -> None:
    office.channel("slack_bot")
    incident_id = office.incident()
    office.hear(incident_id, 1, "opened")
    with pytest.raises(MemoryError):
        office.work(Dies(office, after=after))
    office.time_passes()
    slack.script = [(429, {"retry-after": "1"})]
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    office.time_passes()
    office.work()
    messages = [one for one in slack.posted.values() if "thread_ts" not in one]
    assert ["critical" in one["text"] for one in messages] == [True]
    found = ["chat.update", "chat.postMessage"] if after else ["chat.postMessage"]
    assert [call.method for call in slack.calls][int(after) :] == ["conversations.history"] * 2 + found
    assert office.statuses() == [(1, "unknown"), (2, "sent")]
    # From now on it is known where it stands.
    office.tell(incident_id, office.change(incident_id, severity="high"))
    assert len([call for call in slack.calls if call.method == "conversations.history"]) == 2


def test_a_bot_that_may_not_read_the_channel_begins_another_message(office: Office, slack: FakeSlack) -> None:
    office.channel("slack_bot")
    slack.may_read = False
    incident_id = office.incident()
    office.hear(incident_id, 1, "opened")
    with pytest.raises(MemoryError):
        office.work(Dies(office, after=True))
    office.time_passes()
    office.tell(incident_id, office.change(incident_id, severity="critical"))
    assert [call.method for call in slack.calls] == [
        "chat.postMessage", "conversations.history", "chat.postMessage"
    ]  # fmt: skip
    assert office.statuses() == [(1, "unknown"), (2, "sent")]
