"""Writes summaries: at thresholds by what became of an incident, and when somebody asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row, transaction
from sightline.incidents.grouping import member_store, timeline_store
from sightline.incidents.grouping import store as incidents
from sightline.incidents.grouping.telling import tell
from sightline.incidents.summaries import rules, store
from sightline.incidents.summaries.schemas import Fact
from sightline.incidents.summaries.wording import line_of
from sightline.incidents.writing import Writers, Written
from sightline.ports.work import Events
from sightline.ports.writing import Passage
from sightline.telemetry import logger

SYSTEM = "system"
ASKED = "asked"
MAX_SENTENCES = 8
MAX_ALERTS = 1000
"""Alerts that a summary is written from; the counts are of all."""
MAX_SHOWN = 40
"""Alerts that a model is shown beside the facts."""
MAX_IDS = 50
QUESTION = "What happens, since when, where, how bad is it, what changed before, and what is the state now?"


@dataclass(frozen=True, slots=True)
class _Reading:
    """An incident as it was read, and why something is to be written of it."""

    incident: Row
    because: str
    facts: Sequence[Fact]
    alerts: Sequence[Row]


def take(message: Mapping[str, Any], *, writers: Writers, events: Events) -> None:
    """An `incident.changed` from the bus, or somebody's request from the queue; any number of times.

    What is due is seen from the incident, not from the message, so that the last of many finds nothing to do,
    and the summary's own event calls for none. Raises: DatabaseUnavailableError.
    """
    said = message.get("detail", message)
    workspace_id, incident_id = said["workspace_id"], UUID(said["incident_id"])
    asked_by = said.get("asked_by")
    with transaction(workspace_id) as conn:
        reading = _read(conn, incident_id, asked=asked_by is not None)
    if reading is None:
        return
    written = writers.write(
        "summary",
        question=QUESTION,
        passages=_passages(reading),
        max_sentences=min(MAX_SENTENCES, len(reading.facts)),
    )
    with transaction(workspace_id) as conn:
        if not _keep(conn, reading, written, asked_by=asked_by):
            return
        untold = timeline_store.untold(conn, [incident_id])
    tell(workspace_id, untold, events=events)
    logger.info("summary written", incident_id=str(incident_id), by=written.by, dropped=written.dropped)


def _read(conn: Connection, incident_id: UUID, *, asked: bool) -> _Reading | None:
    """None where nothing is to be written."""
    incident = incidents.incident(conn, incident_id)
    if incident is None or incident["status"] == "merged":
        return None
    last = store.latest(conn, incident_id)
    events = timeline_store.events_of(conn, incident_id, after_version=last["of_version"] if last else -1)
    because = rules.due(events) or (ASKED if asked and not is_current(incident, last, events) else None)
    if because is None:
        return None
    alerts = member_store.alerts_of(conn, incident_id, limit=MAX_ALERTS)
    began = incident["first_alert_at"]
    changes = store.changes_before(conn, services=incident["services"], at=began)
    facts = rules.facts(incident, alerts, changes)
    return _Reading(incident, because, facts, alerts) if facts else None


def is_current(incident: Row, last: Row | None, events: Sequence[Row]) -> bool:
    """Whether the last summary still says it all."""
    return (
        last is not None
        and all(event["kind"] in ("summarised", "noted") for event in events)
        and all(last[name] == incident[name] for name in ("alert_count", "firing_count"))
    )


def _passages(reading: _Reading) -> list[Passage]:
    """The facts, then the gravest alerts, for a model to put better."""
    facts = [Passage(f"fact-{number}", fact.text) for number, fact in enumerate(reading.facts)]
    gravest = sorted(
        reading.alerts,
        key=lambda alert: (rules.GRAVEST_FIRST.index(alert["severity"]), alert["occurred_at"], alert["id"]),
    )
    return facts + [Passage(str(alert["id"]), line_of(alert)) for alert in gravest[:MAX_SHOWN]]


def _keep(conn: Connection, reading: _Reading, written: Written, *, asked_by: str | None) -> bool:
    """Writes it down and into the timeline; False where another was quicker."""
    incident_id = reading.incident["id"]
    incident = incidents.incident(conn, incident_id, lock=True)
    if incident is None:
        return False
    row = store.add_summary(
        conn,
        {
            "workspace_id": incident["workspace_id"],
            "incident_id": incident_id,
            "of_version": reading.incident["version"],
            "alert_count": reading.incident["alert_count"],
            "firing_count": reading.incident["firing_count"],
            "because": reading.because,
            "asked_by": asked_by,
            "sentences": _sentences(reading, written),
            "written_by": written.by,
            "degraded": written.degraded,
            "dropped": written.dropped,
        },
    )
    if row is None:
        return False
    after = {"summary_id": str(row["id"]), "text": rules.text_of(row["sentences"]), "by": written.by}
    timeline_store.add_event(conn, incident, "summarised", asked_by or SYSTEM, {}, after, reading.because)
    return True


def _sentences(reading: _Reading, written: Written) -> list[dict[str, Any]]:
    """Citations of facts lead to the alerts behind them."""
    known = {f"fact-{number}": fact.alert_ids for number, fact in enumerate(reading.facts)}
    told = []
    for sentence in written.sentences:
        ids = dict.fromkeys(str(one) for cite in sentence.cites for one in known.get(cite, (cite,)))
        told.append({"text": sentence.text, "alert_ids": list(ids)[:MAX_IDS], "alerts": len(ids)})
    return told
