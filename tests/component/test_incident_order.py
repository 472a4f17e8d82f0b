"""Whatever the order in which alerts arrive, however often and by however many workers, the incidents are
the same."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sightline.database import Connection, transaction
from sightline.incidents.grouping.store import lock_grouping, touch
from sightline.incidents.grouping.telling import tell
from tests.component.incidents import Desk
from tests.component.test_incidents import EVENTS, NOON_S, TRIAGE, fire, recover
from tests.conftest import Workspace, new_workspace
from tests.running_cloud import wait_until

pytestmark = pytest.mark.component

CALLS = {"web": ["checkout", "search"], "checkout": ["payments", "cart"], "cart": ["cart-db"], "search": []}
WORKERS = 8
LATER = datetime(2030, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Life:
    """One alert: where it fires, from when, how often again, whether it recovers and fires anew."""

    service: str
    host: str
    environment: str
    words: str
    priority: str
    at_s: int
    again_s: tuple[int, ...]
    recovers: bool
    anew: bool

    def said(self, name: str) -> list[tuple[float, dict[str, Any]]]:
        """Its deliveries, each with its moment."""
        tags = [f"env:{self.environment}", *([f"service:{self.service}"] if self.service else [])]
        about = {"tags": ",".join(tags), "host": self.host, "priority": self.priority}
        about["title"] = f"{self.words} ({name})"  # the same words would be the same alert
        moments = [self.at_s]
        for pause_s in self.again_s:
            moments.append(moments[-1] + pause_s)
        told = [(NOON_S + at_s, fire(NOON_S + at_s, name, **about)) for at_s in moments]
        end_s = NOON_S + moments[-1]
        if self.recovers:
            told.append((end_s + 30, recover(end_s + 30, name)))
            if self.anew:
                told.append((end_s + 200, fire(end_s + 200, name, **about)))
        return told


LIVES = st.lists(
    st.builds(
        Life,
        service=st.sampled_from(["web", "checkout", "checkout-api", "payments", "cart", "search", ""]),
        host=st.sampled_from(["", "", "", "node-1", "node-2", "cart-db-0"]),
        environment=st.sampled_from(["prod", "prod", "staging"]),
        words=st.sampled_from(
            ["Latency is high", "payments answers 502", "Disk is full", "Name resolution fails", "It crashed"]
        ),
        priority=st.sampled_from(["P1", "P2", "P3", "P4"]),
        at_s=st.integers(0, 3600),
        again_s=st.lists(st.integers(20, 700), max_size=2).map(tuple),
        recovers=st.booleans(),
        anew=st.booleans(),
    ),
    min_size=2,
    max_size=12,
)


def incidents(desk: Desk) -> set[tuple[Any, ...]]:
    """By what they are, without what depends on the clock of this run."""
    with transaction(desk.user.workspace.id) as conn:
        rows = conn.execute(
            "SELECT incident.*, array_agg(DISTINCT external_id) AS names FROM incident"
            " JOIN alert ON alert.incident_id = incident.id GROUP BY incident.id"
        ).fetchall()
    return {
        (
            frozenset(row["names"]),
            row["opened_at"] is not None,
            *(row[name] for name in ("status", "severity", "title", "first_alert_at")),
        )
        for row in rows
    }


def desk_with_a_map() -> Desk:
    desk = Desk(new_workspace())
    assert desk.ask("PUT", "/v1/service-map", body={"services": CALLS}).status == 200
    return desk


@pytest.mark.usefixtures("database")
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lives=LIVES, seed=st.integers(0, 2**16))
def test_in_any_order_by_any_number_of_workers_the_same_incidents_come_of_it(
    lives: list[Life], seed: int
) -> None:
    """Two workspaces hear the same: one in order, the other mixed, half of it twice, by eight at once."""
    said = [told for number, life in enumerate(lives) for told in life.said(str(number))]
    plain, mixed = desk_with_a_map(), desk_with_a_map()
    messages = [mixed.user.message(mixed.source_id, payload, at_s=at_s + 1) for at_s, payload in said]
    rng = random.Random(seed)
    messages += rng.sample(messages, len(messages) // 2)
    rng.shuffle(messages)
    plain.models.up = True
    try:
        for at_s, payload in sorted(said, key=lambda one: one[0]):
            plain.user.deliver(plain.source_id, payload, at_s=at_s + 1)
        with ThreadPoolExecutor(WORKERS) as workers:
            list(workers.map(TRIAGE.take, messages))
    finally:
        plain.models.up = False
    assert incidents(mixed) == incidents(plain)
    counted = [[one["occurrences"] for one in desk.user.alerts("limit=200")] for desk in (plain, mixed)]
    assert sum(counted[0]) == sum(counted[1])


FIRST, OVER, ANEW = (fire(NOON_S), recover(NOON_S + 60), fire(NOON_S + 200))


@pytest.mark.parametrize("heard", [(FIRST, OVER, ANEW), (OVER, FIRST, ANEW), (OVER, ANEW, FIRST)])
def test_what_fired_before_a_recovery_is_never_what_fires_anew_after_it(
    workspace: Workspace, heard: tuple[dict[str, Any], ...]
) -> None:
    """And both are judged by the models, also where the first was taken for one more of the second."""
    desk = Desk(workspace)
    desk.models.up = True
    try:
        for payload in (*heard, fire(NOON_S + 230)):
            desk.user.deliver(desk.source_id, payload, at_s=NOON_S + 240)
    finally:
        desk.models.up = False
    alerts = sorted(desk.user.alerts(), key=lambda alert: alert["occurred_at"])
    assert [(alert["status"], alert["occurrences"]) for alert in alerts] == [("recovered", 1), ("firing", 2)]
    assert not any(alert["degraded"] for alert in alerts)


def test_telling_of_incidents_and_grouping_never_wait_for_each_other_in_a_ring(workspace: Workspace) -> None:
    """GIVEN somebody who groups and has the second of two incidents WHEN both are told of THEN both end."""
    desk = Desk(workspace)
    desk.fire("a", service="web", severity="critical")
    desk.fire("b", NOON_S + 3600, service="search", severity="critical")
    first, second = sorted(one["id"] for one in desk.incidents())
    untold = [{"id": id_, "version": 9, "kinds": []} for id_ in (first, second)]
    with ThreadPoolExecutor(1) as other, transaction(workspace.id) as conn:
        lock_grouping(conn)
        touch(conn, UUID(second), LATER)
        told = other.submit(tell, workspace.id, untold, events=EVENTS)
        wait_until(lambda: waiting(conn), timeout_s=20, what="the telling")
        touch(conn, UUID(first), LATER)
    told.result(timeout=30)
    with transaction(workspace.id) as conn:
        found = conn.execute("SELECT told_version, last_alert_at FROM incident").fetchall()
    assert [(row["told_version"], row["last_alert_at"]) for row in found] == [(9, LATER), (9, LATER)]


def waiting(conn: Connection) -> bool:
    """Whether anybody waits for what this transaction holds."""
    row = conn.execute(
        "SELECT count(*) AS count FROM pg_locks WHERE NOT granted"
        " AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    ).fetchone()
    return row is not None and bool(row["count"])
