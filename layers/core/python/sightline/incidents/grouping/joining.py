"""Puts alerts into incidents: finds the family of each that is new, and decides anew which of it are one."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents.grouping import config_store, kin_store, lifecycle, member_store, store
from sightline.incidents.grouping.arranging import arrange
from sightline.incidents.grouping.clustering import FITS
from sightline.incidents.grouping.evidence import WINDOW_S, evidence
from sightline.incidents.grouping.family import clusters, heading
from sightline.incidents.grouping.schemas import Settings
from sightline.incidents.grouping.topology import Topology, topology_of
from sightline.incidents.grouping.voices import asks_of, keys_of, voice_of

MOST = 64
"""Alerts of a family that are decided about together, the latest; those before stay where they are."""
SIMILAR = 0.35
"""Similarity from which alerts that share nothing else are looked at as neighbours."""


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
    touched, met = settled.over | _again(conn, settled), [*settled.new, *_earlier(settled)]
    if met:
        topology = topology_of(tuple(config_store.service_map(conn)))
        for alert in met:
            _meet(conn, alert, topology, settings)
        for family_id in kin_store.families_of(conn, [alert["id"] for alert in met]):
            touched |= _decide(conn, family_id, topology, settings)
    for incident_id in sorted(touched):
        lifecycle.refresh(conn, incident_id, settings=settings)
    return touched


def _again(conn: Connection, settled: Settled) -> set[UUID]:
    """Incidents of which an alert was said once more."""
    heard = [(alert["incident_id"], at) for alert, at in settled.again if alert["incident_id"] is not None]
    for incident_id, at in heard:
        store.touch(conn, incident_id, at)
    return {incident_id for incident_id, _ in heard}


def _earlier(settled: Settled) -> list[Row]:
    """Known alerts that began earlier than was known."""
    return [{**alert, "occurred_at": at} for alert, at in settled.again if at < alert["occurred_at"]]


def _meet(conn: Connection, alert: Row, topology: Topology, settings: Settings) -> None:
    """Finds its family: all that it may be one incident with, directly or by others."""
    voice = voice_of(alert, topology)
    keys = keys_of(voice)
    found = kin_store.neighbours(
        conn, alert, asks=asks_of(voice, topology), everything=keys[0], similar=SIMILAR, window_s=WINDOW_S
    )
    families = {other["family_id"] for other in found if heading(other) == heading(alert)}
    families |= {
        other["family_id"]
        for other in found
        if evidence(voice, voice_of(other, topology), topology).points >= FITS
    }
    families |= set(kin_store.episodes(conn, alert, within_s=settings.reopen_s))
    if alert.get("family_id") is not None:
        families.add(alert["family_id"])
    kin_store.unite(conn, alert["id"], families)
    kin_store.put_keys(conn, alert, keys)


def _decide(conn: Connection, family_id: UUID, topology: Topology, settings: Settings) -> set[UUID]:
    """Which of a family are one incident; answers the incidents that this changed."""
    rows = kin_store.family(conn, family_id, limit=MOST)
    parted = member_store.parted(conn, {row["incident_id"] for row in rows if row["held"]})

    def may_join(ones: frozenset[UUID], others: frozenset[UUID]) -> bool:
        return not any((one, other) in parted for one in ones for other in others)

    return arrange(conn, clusters(rows, topology, reopen_s=settings.reopen_s, may_join=may_join))
