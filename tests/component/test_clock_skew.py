"""Senders whose clocks are behind, ahead or set right in between: nothing is lost or fires for ever."""

from datetime import UTC, datetime
from typing import Any

import pytest

from sightline.incidents.settling import CLOCK_SKEW_S
from tests.component.test_incidents import NOON_S, User, fire, recover, user  # noqa: F401

pytestmark = pytest.mark.component

HOUR_S = 3600


def seconds(stamp: str) -> float:
    return datetime.fromisoformat(stamp).timestamp() - NOON_S


def one(user: User) -> dict[str, Any]:  # noqa: F811
    (alert,) = user.alerts()
    return alert


@pytest.mark.parametrize(
    ("ahead_s", "believed"), [(-HOUR_S, True), (CLOCK_SKEW_S, True), (CLOCK_SKEW_S + 1, False)]
)
def test_a_clock_is_believed_until_it_runs_ahead(user: User, ahead_s: int, believed: bool) -> None:  # noqa: F811
    source_id = user.add_source()
    user.deliver(source_id, fire(NOON_S + ahead_s), at_s=NOON_S)
    assert seconds(one(user)["occurred_at"]) == (ahead_s if believed else 0)
    user.deliver(source_id, recover(NOON_S + ahead_s + 60), at_s=NOON_S + 60)
    assert one(user)["status"] == "recovered"


@pytest.mark.parametrize(
    "said", ["0001-01-01T00:00:00+14:00", "1970-01-01T00:00:07Z", "9999-12-31T23:59:59-14:00"]
)
def test_a_time_that_no_clock_shows_is_ours(user: User, said: str) -> None:  # noqa: F811
    user.deliver(user.add_source("generic"), {"title": "Disk is full", "occurred_at": said})
    assert seconds(one(user)["occurred_at"]) == 0


def test_a_clock_set_right_after_it_fired_is_heard_when_it_recovers(user: User) -> None:  # noqa: F811
    """GIVEN a clock that is four minutes ahead WHEN it is set right THEN its recovery is no old one."""
    source_id = user.add_source()
    user.deliver(source_id, fire(NOON_S + 240), at_s=NOON_S)
    user.deliver(source_id, recover(NOON_S + 60), at_s=NOON_S + 60)
    alert = one(user)
    assert alert["status"] == "recovered"
    assert alert["occurred_at"] <= alert["recovered_at"]


def test_a_clock_set_right_is_heard_in_whatever_order_it_is_read(user: User) -> None:  # noqa: F811
    source_id = user.add_source()
    user.deliver(source_id, recover(NOON_S + 60), at_s=NOON_S + 60)
    user.deliver(source_id, fire(NOON_S + 240), at_s=NOON_S)
    alert = one(user)
    assert alert["status"] == "recovered"
    assert alert["occurred_at"] <= alert["recovered_at"]


def test_a_clock_set_right_after_it_recovered_is_heard_when_it_fires(user: User) -> None:  # noqa: F811
    """GIVEN a recovery by a clock ahead WHEN it fires by the right time THEN that is an outage of its own."""
    source_id = user.add_source()
    user.deliver(source_id, fire(NOON_S + 240), at_s=NOON_S)
    user.deliver(source_id, recover(NOON_S + 250), at_s=NOON_S + 10)
    user.deliver(source_id, fire(NOON_S + 60), at_s=NOON_S + 60)
    assert [alert["status"] for alert in user.alerts()] == ["firing", "recovered"]


def test_a_recovery_of_a_clock_ahead_ends_nothing_that_begins_after_it(user: User) -> None:  # noqa: F811
    source_id = user.add_source()
    user.deliver(source_id, recover(NOON_S + 240), at_s=NOON_S)
    user.deliver(source_id, fire(NOON_S + 60), at_s=NOON_S + 60)
    assert one(user)["status"] == "firing"


def test_the_order_of_a_clock_that_stays_ahead_counts(user: User) -> None:  # noqa: F811
    """GIVEN a clock four minutes ahead WHEN an older recovery comes last THEN it is an older one."""
    source_id = user.add_source()
    user.deliver(source_id, fire(NOON_S + 240), at_s=NOON_S)
    user.deliver(source_id, recover(NOON_S + 235), at_s=NOON_S + 1)
    assert one(user)["status"] == "firing"


def test_a_clock_behind_is_heard_in_its_own_order(user: User) -> None:  # noqa: F811
    source_id = user.add_source()
    user.deliver(source_id, fire(NOON_S - HOUR_S), at_s=NOON_S)
    user.deliver(source_id, recover(NOON_S - HOUR_S - 60), at_s=NOON_S + 1)
    assert one(user)["status"] == "firing"
    user.deliver(source_id, recover(NOON_S - HOUR_S + 60), at_s=NOON_S + 60)
    assert one(user)["status"] == "recovered"
    assert datetime.fromisoformat(one(user)["received_at"]) == datetime.fromtimestamp(NOON_S, UTC)
