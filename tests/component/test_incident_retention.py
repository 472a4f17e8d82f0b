"""What a workspace keeps no longer of its alerts and incidents: in pages, counted, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sightline.database import transaction
from sightline.http import as_lambda, create_app
from sightline.incidents.retention.pipeline import forget, sweep
from sightline.incidents.retention.routes import router
from tests.component.conftest import Answer, call, member_of
from tests.component.incidents import Desk
from tests.component.test_incidents import NOON_S
from tests.conftest import Workspace

pytestmark = pytest.mark.component

handler = as_lambda(create_app(router))
NOTHING = {"incidents": 0, "alerts": 0, "deliveries": 0}
OLD = datetime.now(UTC) - timedelta(days=100)


def ask(workspace: Workspace, method: str = "GET", *, role: str = "admin", **more: Any) -> Answer:
    return call(handler, method, "/v1/incidents/retention", principal=member_of(workspace, role), **more)


@pytest.fixture(name="desk")
def desk_of_long_ago(workspace: Workspace) -> Desk:
    """A hundred days ago one resolved, one merged into it, one gathered, one fires still; one is of today."""
    desk = Desk(workspace)
    for name in "ab":
        desk.fire(name, service="checkout")
    for name in "ab":
        desk.recover(name, NOON_S + 60)
    desk.fire("c", service="search", severity="critical")
    desk.fire("d", service="billing")
    desk.fire("e", service="queue", severity="critical")
    over, fires, gathers, goes = _numbers(workspace)
    for number in (over, fires, gathers):
        _grow_old(workspace, number)
    _grow_old(workspace, goes, into=over + 1000)
    desk.fire("f", service="mail", severity="critical")
    desk.recover("f", NOON_S + 60)
    return desk


def _numbers(workspace: Workspace) -> list[int]:
    with transaction(workspace.id) as conn:
        return [row["number"] for row in conn.execute("SELECT number FROM incident ORDER BY number")]


def _grow_old(workspace: Workspace, number: int, *, into: int | None = None) -> None:
    """As it would be later: ids tell when they were given, so it is written anew under an old one."""
    with transaction(workspace.id) as conn:
        row = conn.execute(
            "INSERT INTO incident (id, workspace_id, number, title, severity, status, merged_into,"
            " first_alert_at, last_alert_at, updated_at)"
            " SELECT overlay(id::text PLACING left(app.uuid7_at(%(old)s)::text, 13) FROM 1)::uuid,"
            " workspace_id, number + 1000, title, severity,"
            " CASE WHEN %(into)s::int IS NULL THEN status ELSE 'merged' END,"
            " (SELECT id FROM incident WHERE number = %(into)s::int), %(old)s, %(old)s, %(old)s"
            " FROM incident WHERE number = %(number)s RETURNING id",
            {"old": OLD, "into": into, "number": number},
        ).fetchone()
        assert row is not None
        conn.execute(
            "UPDATE alert SET incident_id = %s FROM incident"
            " WHERE incident.id = incident_id AND incident.number = %s",
            (row["id"], number),
        )
        conn.execute("DELETE FROM incident WHERE number = %s", (number,))
        conn.execute("UPDATE alert_delivery SET received_at = %s", (OLD,))


def test_nothing_goes_that_nobody_asked_to_go(desk: Desk) -> None:
    assert ask(desk.workspace, role="viewer").json == {
        "keep_days": None, "gone": NOTHING, "last_gone_at": None, "due": NOTHING,
    }  # fmt: skip
    assert forget(desk.workspace.id) == NOTHING
    assert len(_numbers(desk.workspace)) == 5


def test_what_is_over_goes_in_pages_and_is_counted_and_what_is_not_stays(
    desk: Desk, other_workspace: Workspace
) -> None:
    stranger = Desk(other_workspace)
    stranger.fire("x", service="checkout")
    would = ask(desk.workspace, query="days=90").json
    # The one that another was merged into is over too, and goes when nothing refers to it.
    assert would["due"] == {"incidents": 2, "alerts": 2, "deliveries": 7}
    assert ask(desk.workspace, "PATCH", role="editor", body={"keep_days": 90}).status == 403
    assert ask(desk.workspace, "PATCH", body={"keep_days": 29}).status == 422
    assert ask(desk.workspace, "PATCH", body={"keep_days": 90}).json["due"] == would["due"]
    gone = [forget(desk.workspace.id, page=1) for _ in range(9)]
    assert max(max(one.values()) for one in gone) == 1, "never more than a page"
    told = ask(desk.workspace).json
    assert told["gone"] == {"incidents": 3, "alerts": 4, "deliveries": 7}
    assert told["due"] == NOTHING
    assert told["last_gone_at"] is not None
    assert _numbers(desk.workspace) == [1002, 1005], "of long ago and still firing, and of today"
    (fires,) = desk.incidents("open")
    assert [one["title"] for one in desk.members(fires["id"])] == ["c is high"]
    assert len(_numbers(other_workspace)) == 1
    assert ask(desk.workspace, "PATCH", body={"keep_days": None}).json["keep_days"] is None
    assert ask(desk.workspace).json["gone"]["incidents"] == 3


def test_a_minute_takes_what_is_due_once(desk: Desk) -> None:
    ask(desk.workspace, "PATCH", body={"keep_days": 90})
    sweep()
    assert ask(desk.workspace).json["gone"] == {"incidents": 2, "alerts": 2, "deliveries": 7}
    sweep()
    # It is looked at again in an hour: the first was not a full page.
    assert ask(desk.workspace).json["gone"]["incidents"] == 2


def test_what_is_over_is_found_by_index(desk: Desk) -> None:
    with transaction(desk.workspace.id) as conn:
        conn.execute("SET LOCAL enable_seqscan = off")
        for query, index in (
            ("SELECT * FROM app.incidents_over(90)", "incident_"),
            (
                "SELECT id FROM alert_delivery WHERE received_at < now() - interval '90 days'",
                "alert_delivery_list",
            ),
        ):
            plan = str(conn.execute("EXPLAIN " + query).fetchall())
            assert index in plan
            assert "Index Cond" in plan
