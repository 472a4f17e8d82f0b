"""An incident changed: who is told of it. Written down first, once for each change and channel; then sent."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row, transaction
from sightline.incidents.grouping import store as incidents
from sightline.incidents.notices import messages, rules, store
from sightline.incidents.notices.schemas import IncidentData
from sightline.outgoing.delivery import announce, hand_over
from sightline.outgoing.schemas import EventType
from sightline.ports.work import DelayedQueue, NoticeQueue
from sightline.settings import get_settings
from sightline.telemetry import logger


def incident_changed(event: Mapping[str, Any], *, notices: NoticeQueue, deliveries: DelayedQueue) -> None:
    """An incident.changed event. Told twice, late or out of order, it makes nothing new."""
    detail = event["detail"]
    workspace_id, incident_id = str(UUID(detail["workspace_id"])), UUID(detail["incident_id"])
    version, kinds = int(detail["version"]), [str(kind) for kind in detail["kinds"]]
    if not rules.concerns(kinds):
        return
    with transaction(workspace_id) as conn:
        incident = incidents.incident(conn, incident_id)
        if incident is None:
            return
        wanted = _want(conn, incident, version=version, kinds=kinds)
        told = _announce(conn, incident, version=version, kinds=kinds)
    hand_over(deliveries, workspace_id=workspace_id, delivery_ids=told)
    for message_id in wanted:
        notices.send({"workspace_id": workspace_id, "message_id": str(message_id)})
    logger.info("incident told", incident_id=str(incident_id), version=version, channels=len(wanted))


def _want(conn: Connection, incident: Row, *, version: int, kinds: Collection[str]) -> list[UUID]:
    """The change, for every channel that it concerns; the messages that have something to tell."""
    known, teams, wanted = messages.known(conn, incident["id"]), None, []
    for channel in store.live_channels(conn):
        teams = store.teams_of(conn, incident["id"]) if teams is None else teams
        if rules.unwanted(
            channel, incident, teams=teams, known=channel["id"] in known, opens="opened" in kinds
        ):
            continue
        message_id = messages.add(
            conn,
            workspace_id=incident["workspace_id"],
            channel_id=channel["id"],
            incident_id=incident["id"],
        )
        messages.want(conn, message_id, version=version)
        if "pending" in messages.waiting(conn, message_id):
            wanted.append(message_id)
    return wanted


def _announce(conn: Connection, incident: Row, *, version: int, kinds: Collection[str]) -> list[UUID]:
    """To webhooks, with the incident as it is now; not while people are not to hear of it."""
    if rules.unopened(incident) and "withdrawn" not in kinds:
        return []
    if rules.snoozed_until(incident) or store.maintenance_until(conn, incident):
        return []
    data = IncidentData(
        **{name: incident[name] for name in IncidentData.model_fields if name in incident},
        incident_id=incident["id"],
        change=version,
        kinds=sorted(kinds),
        url=rules.link(incident, console_url=get_settings().console_url),
    )
    return announce(
        conn,
        workspace_id=incident["workspace_id"],
        event_type="incident.changed" if rules.unopened(incident) else event_type(kinds),
        data=data.model_dump(mode="json"),
        occasion=f"incident {incident['id']} {version}",
    )


def event_type(kinds: Collection[str]) -> EventType:
    """What a change is called to webhooks; several at once by the one that says most."""
    if "resolved" in kinds:
        return "incident.resolved"
    return "incident.opened" if {"opened", "reopened"} & set(kinds) else "incident.changed"
