"""A family of alerts: which of them are one incident, and why each is where it is. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import numpy as np

from sightline.database import Row
from sightline.incidents.grouping.clustering import Floats, Group, groups_of
from sightline.incidents.grouping.evidence import AGAINST, WINDOW_S, Evidence, evidence
from sightline.incidents.grouping.names import headline
from sightline.incidents.grouping.topology import Topology
from sightline.incidents.grouping.voices import Voice, voice_of

FIRST: dict[str, Any] = {"score": None, "because": ["the incident began with it"], "alert_id": None}
AGAIN = "the same alert again"


@dataclass(slots=True)
class Told:
    """One alert however often it came and went: its rows, in order."""

    rows: list[Row]

    @property
    def held(self) -> UUID | None:
        """The incident that a person put it into."""
        home: UUID | None = self.rows[0]["incident_id"] if self.rows[0]["held"] else None
        return home


@dataclass(slots=True)
class Cluster:
    """The rows of one incident, in the order in which they began; because: why each is in it."""

    rows: list[Row] = field(default_factory=list)
    because: dict[UUID, dict[str, Any]] = field(default_factory=dict)


def clusters(
    rows: Sequence[Row],
    topology: Topology,
    *,
    reopen_s: int,
    may_join: Callable[[frozenset[UUID], frozenset[UUID]], bool],
) -> list[Cluster]:
    """rows: of a family, in the order in which they began. may_join: of incidents that people made."""
    told = episodes(rows, reopen_s=reopen_s)
    voices = [voice_of(one.rows[0], topology) for one in told]
    pairs = _pairs(voices, topology)
    held = sorted({one.held for one in told if one.held is not None})
    numbers = [None if one.held is None else held.index(one.held) for one in told]

    def allowed(ones: frozenset[int], others: frozenset[int]) -> bool:
        return may_join(frozenset(held[one] for one in ones), frozenset(held[one] for one in others))

    groups = groups_of(_points(len(told), pairs), numbers, allowed)
    return [_cluster(group, told, pairs) for group in groups]


def episodes(rows: Sequence[Row], *, reopen_s: int) -> list[Told]:
    """What fires again soon after its recovery is the same, and what another name is given to."""
    found: list[Told] = []
    latest: dict[tuple[Any, ...], Told] = {}
    for row in rows:
        names: list[tuple[Any, ...]] = [
            ("name", row["source_id"], row["external_id"]),
            ("words", *heading(row)),
        ]
        earlier = next((latest[name] for name in names if name in latest), None)
        if earlier is None or not _same(earlier.rows[-1], row, reopen_s):
            earlier = Told([])
            found.append(earlier)
        earlier.rows.append(row)
        latest |= dict.fromkeys(names, earlier)
    return found


def heading(row: Row) -> tuple[Any, ...]:
    """Who says what of whom."""
    return row["source_id"], headline(row["title"]), row["service"], row["host"], row["environment"]


def _same(before: Row, row: Row, reopen_s: int) -> bool:
    parted = before["held"] or row["held"]
    if parted and row["incident_id"] not in (None, before["incident_id"]):
        return False
    named = before["external_id"] == row["external_id"]
    ended = (before["recovered_at"] or before["last_occurred_at"]) if named else before["occurred_at"]
    return bool(row["occurred_at"] - ended <= timedelta(seconds=reopen_s if named else WINDOW_S))


Pairs = dict[tuple[int, int], Evidence]


def _pairs(voices: Sequence[Voice], topology: Topology) -> Pairs:
    """Of those that began near each other."""
    near = timedelta(seconds=WINDOW_S)
    return {
        (place, number): evidence(voices[place], voice, topology)
        for number, voice in enumerate(voices)
        for place in range(number)
        if voice.at - voices[place].at <= near and voice.named.environment == voices[place].named.environment
    }


def _points(count: int, pairs: Pairs) -> Floats:
    points = np.full((count, count), AGAINST)
    for (one, other), found in pairs.items():
        points[one, other] = points[other, one] = found.points
    return points


def _cluster(group: Group, told: Sequence[Told], pairs: Pairs) -> Cluster:
    cluster = Cluster()
    for place in group.members:
        first = told[place].rows[0]
        cluster.because[first["id"]] = _because(place, group.members, told, pairs)
        for row in told[place].rows[1:]:
            cluster.because[row["id"]] = {"score": 1.0, "because": [AGAIN], "alert_id": str(first["id"])}
        cluster.rows += told[place].rows
    cluster.rows.sort(key=lambda row: (row["occurred_at"], row["source_id"], row["external_id"]))
    return cluster


def _because(place: int, members: Sequence[int], told: Sequence[Told], pairs: Pairs) -> dict[str, Any]:
    """Why an alert is one of them: by the one that it fits best; the first of them needs no reason."""
    if place == members[0]:
        return FIRST
    found = {other: pairs.get((min(other, place), max(other, place))) for other in members if other != place}
    known = {other: pair for other, pair in found.items() if pair is not None}
    if not known:
        return FIRST
    closest = max(known, key=lambda other: (known[other].points, -other))
    return _why(known[closest], told[closest].rows[0])


def _why(found: Evidence, other: Row) -> dict[str, Any]:
    return {"score": round(found.points, 3), "because": list(found.because), "alert_id": str(other["id"])}
