"""Which alert a delivered one is: new, one more of a known one, or its end; in whatever order they come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents import rules, store
from sightline.incidents.grouping.joining import Settled, join
from sightline.incidents.grouping.store import lock_grouping
from sightline.incidents.judging import NAMED, Verdict
from sightline.incidents.schemas import NewAlert

CLOCK_SKEW_S = 300
"""Seconds by which a sender's clock may be ahead of ours; a time beyond is replaced by ours."""
SET_BACK_S = 30
"""Seconds ahead of us from which a time is that of a clock since set right, and not of a late delivery."""


class UnjudgedError(Exception):
    """An alert that seemed to be one more of a known one is new: the models must be asked first."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An alert, and what was judged of it if it seemed to be new."""

    alert: NewAlert
    verdict: Verdict | None


def settle(conn: Connection, source: Row, delivery: Mapping[str, Any], judged: Sequence[Judged]) -> set[UUID]:
    """Decides about all alerts of a delivery, holding back whoever decides about the same names, and about
    which of the workspace's belong together. Answers the incidents that anything changed in.

    Raises: UnjudgedError.
    """
    if not judged:
        return set()
    alerts = [one.alert for one in judged]
    names = [name for alert in alerts for name in (alert.external_id, rules.fingerprint(alert))]
    store.lock_alerts(conn, source["id"], names)
    lock_grouping(conn)
    settled = Settled()
    for one in judged:
        _settle(conn, source, delivery, one, settled)
    return join(conn, settled)


def _settle(
    conn: Connection, source: Row, delivery: Mapping[str, Any], judged: Judged, settled: Settled
) -> None:
    alert = judged.alert
    at = _moment(alert.occurred_at, delivery["received_at"])
    known = store.latest_alert(
        conn, source["id"], external_id=alert.external_id, fingerprint=rules.fingerprint(alert)
    )
    if known and not alert.recovered:
        known = _before_recovery(conn, source, known, at, delivery)
    firing = known is not None and known["status"] == "firing"
    if alert.recovered:
        if known and firing and _is_over(at, known, delivery):
            store.recover(conn, known["id"], at=at, delivery=delivery)
            settled.recovered(known)
        store.remember_recovery(
            conn, source, external_id=alert.external_id, at=at, heard_at=delivery["received_at"]
        )
    elif known and (firing or not _is_after(at, known, delivery)):
        if delivery["outcome"] != "alerts":  # read again, it was counted before
            store.count_again(conn, known["id"], at=at, delivery=delivery)
            settled.again.append((known, at))
    else:
        settled.new.append(store.add_alert(conn, _row(conn, source, delivery, judged, at)))


def _before_recovery(
    conn: Connection, source: Row, known: Row, at: datetime, delivery: Mapping[str, Any]
) -> Row | None:
    """The alert that a firing is of: not the latest, where that began after a recovery and this did not."""
    over = store.recovery(conn, source["id"], known["external_id"])
    if over is None or known["occurred_at"] <= over["recovered_at"] or not _ended_by(over, at, delivery):
        return known
    return store.alert_begun_by(conn, source["id"], known["external_id"], over["recovered_at"])


def _moment(occurred_at: datetime | None, received_at: datetime) -> datetime:
    """By the sender's clock, unless it runs ahead."""
    if occurred_at is None or (occurred_at - received_at).total_seconds() > CLOCK_SKEW_S:
        return received_at
    return occurred_at


def _is_over(at: datetime, known: Row, delivery: Mapping[str, Any]) -> bool:
    fired_at = known["last_occurred_at"]
    return at >= fired_at or _set_back(at, delivery, told=fired_at, heard_at=known["heard_at"])


def _is_after(at: datetime, known: Row, delivery: Mapping[str, Any]) -> bool:
    over_at = known["recovered_at"]
    return at > over_at or _set_back(at, delivery, told=over_at, heard_at=known["heard_at"])


def _ended_by(over: Row, at: datetime, delivery: Mapping[str, Any]) -> bool:
    """Whether a recovery that was read first is of this firing."""
    if not _is_after(at, over, delivery):
        return True
    heard = {"received_at": over["heard_at"] or over["recovered_at"]}
    return _set_back(over["recovered_at"], heard, told=at, heard_at=delivery["received_at"])


def _set_back(
    at: datetime, delivery: Mapping[str, Any], *, told: datetime, heard_at: datetime | None
) -> bool:
    """Whether a clock was ahead when it told of something, and was set right before it told of this.

    By its own times this would be the earlier; but what it told of then was still to come when we heard of
    it, and this is not.
    """
    received_at = delivery["received_at"]
    if heard_at is None or not at <= received_at >= heard_at:
        return False
    return (told - heard_at).total_seconds() > SET_BACK_S


def _row(
    conn: Connection, source: Row, delivery: Mapping[str, Any], judged: Judged, at: datetime
) -> dict[str, Any]:
    """A new alert's row; its recovery may have come before it."""
    alert, verdict = judged.alert, judged.verdict
    if verdict is None:
        raise UnjudgedError
    over = store.recovery(conn, source["id"], alert.external_id)
    ended = over if over is not None and _ended_by(over, at, delivery) else None
    labels: dict[str, Any] = {}
    for axis, label in verdict.labels.items():
        labels |= {axis: label.label, f"{axis}_by": label.by, f"{axis}_confidence": label.confidence}
    return {
        "workspace_id": source["workspace_id"],
        "source_id": source["id"],
        "platform": source["platform"],
        "trust": delivery["trust"],
        "external_id": alert.external_id,
        "fingerprint": rules.fingerprint(alert),
        "title": alert.title,
        "description": alert.description,
        **labels,
        "entities": list(verdict.entities),
        "degraded": verdict.degraded,
        "vector": verdict.vector,
        **{name: getattr(alert, name) or verdict.named(name) for name in NAMED},
        "url": alert.url,
        "tags": alert.tags,
        "first_delivery_id": delivery["id"],
        "last_delivery_id": delivery["id"],
        "occurred_at": min(at, ended["recovered_at"]) if ended else at,
        "received_at": delivery["received_at"],
        "last_occurred_at": at,
        "recovered_at": ended["recovered_at"] if ended else None,
        "heard_at": ended["heard_at"] if ended else delivery["received_at"],
        "status": "recovered" if ended else "firing",
    }
