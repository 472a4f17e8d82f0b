"""Makes incidents what was decided of their alerts: they are begun, joined, made one, or parted again."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents.grouping import config_store, kin_store, lifecycle, names, store, timeline_store
from sightline.incidents.grouping.family import Cluster


def arrange(conn: Connection, found: Sequence[Cluster]) -> set[UUID]:
    """Answers the incidents that it changed; what is as it was stays untouched."""
    ids = {row["incident_id"] for cluster in found for row in cluster.rows} - {None}
    known = {row["id"]: row for row in store.locked(conn, sorted(ids))}
    homes = _homes(conn, found, known)
    touched: set[UUID] = set()
    for cluster, home in zip(found, homes, strict=True):
        touched |= _gather(conn, cluster, home, leave=ids - set(homes), known=known)
    for incident_id in sorted(ids - set(homes)):
        touched |= _end(conn, known[incident_id], found, homes)
    return touched


def _homes(conn: Connection, found: Sequence[Cluster], known: Mapping[UUID, Row]) -> list[UUID]:
    """Of each cluster the incident that it is from now on: one that its alerts are in, the first told of."""
    taken: dict[UUID, int] = {}
    for place, cluster in enumerate(found):
        inside = {row["incident_id"] for row in cluster.rows} - {None, *taken}
        if inside:
            taken[min(inside, key=lambda one: lifecycle.seniority(known[one]))] = place
    homes = {place: incident_id for incident_id, place in taken.items()}
    return [homes.get(place) or _own(conn, cluster.rows[0]) for place, cluster in enumerate(found)]


def _own(conn: Connection, alert: Row) -> UUID:
    incident = store.add_incident(conn, workspace_id=alert["workspace_id"], alert=alert)
    return UUID(str(incident["id"]))


def _gather(
    conn: Connection, cluster: Cluster, home: UUID, *, leave: Iterable[UUID], known: Mapping[UUID, Row]
) -> set[UUID]:
    """Brings its alerts there: those that are new, and those that a cluster of their own has lost."""
    touched: set[UUID] = set()
    for row in cluster.rows:
        if row["incident_id"] is None:
            _place(conn, row, home, cluster.because[row["id"]])
            touched.add(home)
        elif row["incident_id"] != home and row["incident_id"] not in leave:
            kin_store.move(conn, row["id"], home, because=cluster.because[row["id"]])
            _tell(conn, row, home, cluster.because[row["id"]], moved=known[row["incident_id"]])
            touched |= {home, row["incident_id"]}
        elif _found_kin(row, cluster.because[row["id"]]):
            kin_store.explain(conn, row["id"], because=cluster.because[row["id"]])
    return touched


def _found_kin(row: Row, because: Mapping[str, Any]) -> bool:
    """It came before what it is near to, and only now can say so."""
    return (row["joined_because"] or {}).get("alert_id") is None and because["alert_id"] is not None


def _end(conn: Connection, goes: Row, found: Sequence[Cluster], homes: Sequence[UUID]) -> set[UUID]:
    """No cluster is this incident any more: it goes into the first that has alerts of it."""
    parts = [
        (cluster, home, [row for row in cluster.rows if row["incident_id"] == goes["id"]])
        for cluster, home in zip(found, homes, strict=True)
    ]
    (_, stays, _), *others = [part for part in parts if part[2]]
    for cluster, home, rows in others:
        for row in rows:
            kin_store.move(conn, row["id"], home, because=cluster.because[row["id"]])
            _tell(conn, row, home, cluster.because[row["id"]], moved=goes)
    (stays_row,) = store.locked(conn, [stays])
    lifecycle.absorb(conn, stays_row, goes, actor=lifecycle.SYSTEM, reason="their alerts belong together")
    return {goes["id"], stays, *(home for _, home, _ in others)}


def _place(conn: Connection, alert: Row, home: UUID, because: Mapping[str, Any]) -> None:
    """A new alert into its incident."""
    muted = config_store.muted_until(
        conn,
        service=names.service_of(alert["service"]),
        environment=names.environment_of(alert["environment"]),
        at=alert["occurred_at"],
    )
    kin_store.place(conn, alert["id"], home, because=because, muted_until=muted)
    _tell(conn, alert, home, because)


def _tell(
    conn: Connection, alert: Row, home: UUID, because: Mapping[str, Any], *, moved: Row | None = None
) -> None:
    about = {"id": home, "workspace_id": alert["workspace_id"]}
    before = {} if moved is None else {"incident_id": str(moved["id"]), "number": moved["number"]}
    after = {"alert_id": str(alert["id"]), "title": alert["title"], "score": because["score"]}
    timeline_store.add_event(
        conn, about, "alert_joined", lifecycle.SYSTEM, before, after, ", ".join(because["because"])
    )
