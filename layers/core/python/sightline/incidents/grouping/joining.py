"""Puts new alerts into incidents: into the one they link to, or one of their own; several so become one."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents.grouping import config_store, kin_store, lifecycle, names, rules, store
from sightline.incidents.grouping.rules import Kin, Link, kin_of


@dataclass(frozen=True, slots=True)
class Tie:
    """The strongest link to an incident."""

    incident_id: UUID
    alert_id: UUID
    link: Link

    @property
    def told(self) -> dict[str, Any]:
        return {
            "score": self.link.score,
            "because": list(self.link.because),
            "alert_id": str(self.alert_id),
        }


FIRST: dict[str, Any] = {"score": None, "because": ["nothing else was linked to it"], "alert_id": None}


@dataclass(slots=True)
class Settled:
    """What a delivery's alerts turned out to be."""

    new: list[Row] = field(default_factory=list)
    again: list[tuple[Row, datetime]] = field(default_factory=list)
    over: set[UUID] = field(default_factory=set)  # incidents of which an alert recovered

    def recovered(self, alert: Row) -> None:
        """One of an earlier delivery, so that it is in an incident; those of this one are placed later."""
        if alert["incident_id"] is not None:
            self.over.add(alert["incident_id"])


def join(conn: Connection, settled: Settled) -> set[UUID]:
    """Places what fires, then says what became of every incident that anything changed in; answers which.

    Only under the lock of store.lock_grouping: what it reads no other may change meanwhile.
    """
    settings = config_store.settings(conn)
    calls = config_store.service_map(conn) if settled.new or settled.again else []
    touched = set(settled.over)
    for alert in settled.new:
        touched.add(_place(conn, alert, kin_of(alert, calls), reopen_s=settings.reopen_s))
    for alert, at in settled.again:
        touched |= _place_again(conn, alert, at, kin_of(alert, calls), reopen_s=settings.reopen_s)
    for incident_id in sorted(touched):
        lifecycle.refresh(conn, incident_id, settings=settings)
    return touched


def _place(conn: Connection, alert: Row, kin: Kin, *, reopen_s: int) -> UUID:
    """The incident that a new alert is in from now on."""
    ties = _strongest([*_episodes(conn, alert, reopen_s), *_related(conn, alert, alert["occurred_at"], kin)])
    home = ties[0].incident_id if ties else _own(conn, alert)
    told = ties[0].told if ties else FIRST
    muted = config_store.muted_until(
        conn,
        service=names.service_of(alert["service"]),
        environment=names.environment_of(alert["environment"]),
        at=alert["occurred_at"],
    )
    kin_store.place(conn, alert["id"], home, because=told, muted_until=muted)
    kin_store.add_keys(conn, alert, rules.moment_of(alert["occurred_at"]), kin)
    home = _unite(conn, home, ties)
    after = {"alert_id": str(alert["id"]), "title": alert["title"], "score": told["score"]}
    about = {"id": home, "workspace_id": alert["workspace_id"]}
    why = ", ".join(told["because"])
    store.add_event(conn, about, "alert_joined", lifecycle.SYSTEM, {}, after, why)
    return home


def _place_again(conn: Connection, alert: Row, at: datetime, kin: Kin, *, reopen_s: int) -> set[UUID]:
    """A known alert was said once more: what began near this moment belongs to it too.

    After a long silence it does not: a sender that never says that it is over would tie days together.
    """
    incident_id = alert["incident_id"]
    if incident_id is None:
        return set()
    silence = max(at - alert["last_occurred_at"], alert["occurred_at"] - at)
    if silence.total_seconds() > reopen_s:
        return {incident_id}
    if not kin_store.add_keys(conn, alert, rules.moment_of(at), kin):
        store.touch(conn, incident_id, at)
        return set()
    return {_unite(conn, incident_id, _strongest(_related(conn, alert, at, kin)))}


def _unite(conn: Connection, home: UUID, ties: Sequence[Tie]) -> UUID:
    others = [tie.incident_id for tie in ties if tie.incident_id != home]
    if not others:
        return home
    return lifecycle.unite(conn, [home, *others], reason="an alert is linked to both")


def _own(conn: Connection, alert: Row) -> UUID:
    incident = store.add_incident(conn, workspace_id=alert["workspace_id"], alert=alert)
    return UUID(str(incident["id"]))


def _strongest(found: Sequence[Tie]) -> list[Tie]:
    """To each incident the strongest link, the strongest first."""
    best: dict[UUID, Tie] = {}
    for tie in sorted(found, key=lambda tie: (-tie.link.score, tie.alert_id)):
        best.setdefault(tie.incident_id, tie)
    return list(best.values())


def _episodes(conn: Connection, alert: Row, reopen_s: int) -> list[Tie]:
    """Under the same name, shortly before or after."""
    return [
        Tie(row["incident_id"], row["id"], Link(1.0, ("the same alert again", rules.apart(row["apart_s"]))))
        for row in kin_store.episodes(conn, alert, within_s=reopen_s)
    ]


def _related(conn: Connection, alert: Row, at: datetime, kin: Kin) -> list[Tie]:
    """By what they share."""
    found = []
    for row in kin_store.related(conn, alert, at=rules.moment_of(at), kin=kin):
        about = {name: row[name] for name in ("keys", "traits", "similarity", "apart_s")}
        if link := rules.link(kin, **about):
            found.append(Tie(row["incident_id"], row["id"], link))
    return found
