"""/v1/incidents, /v1/incident-settings, /v1/maintenance-windows and /v1/service-map."""

from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import Query

from sightline.errors import ConflictError
from sightline.http import (
    Cursor,
    Limit,
    Principal,
    create_router,
    port,
    problems,
    rate_limited,
    require_role,
)
from sightline.incidents.grouping import actions, configuring, pipeline, reading
from sightline.incidents.grouping.schemas import (
    ChangeRequest,
    EventPage,
    IncidentAnswer,
    IncidentChange,
    IncidentPage,
    IncidentStatus,
    MaintenanceAnswer,
    MaintenancePage,
    MaintenanceRequest,
    MemberPage,
    MergeRequest,
    NoteRequest,
    ServiceMapBody,
    SettingsBody,
    SimilarAnswer,
    SnoozeRequest,
    SplitRequest,
)
from sightline.incidents.schemas import Severity
from sightline.ports.work import Events

router = create_router(prefix="/v1", tags=["incidents"])

Reader = Annotated[Principal, require_role("viewer", "workspace:read")]
Editor = Annotated[Principal, require_role("editor", "workspace:write")]
Admin = Annotated[Principal, require_role("admin", "workspace:write")]
Bus = Annotated[Events, port(Events)]
Word = Annotated[str | None, Query(max_length=500, pattern=r"^[^\x00]*$")]
_RATE = [rate_limited("incidents", lambda settings: settings.write_rate_per_minute)]
_CONFLICT = problems(ConflictError)


def actor_of(principal: Principal) -> str:
    """user:<id> or key:<id>, as the timeline names them."""
    return f"{'user' if principal.kind == 'user' else 'key'}:{principal.principal_id}"


@router.get("/incidents")
def list_incidents(
    principal: Reader,
    status: Annotated[IncidentStatus | None, Query(description="Left out: what was opened.")] = None,
    severity: Annotated[Severity | None, Query()] = None,
    service: Word = None,
    number: Annotated[
        int | None, Query(ge=1, le=2**53, description="INC-12 is 12, whatever its status.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> IncidentPage:
    """Incidents, newest first."""
    where = {"status": status, "severity": severity, "service": service, "number": number}
    return reading.list_incidents(principal, where=where, cursor=cursor, limit=limit)


@router.get("/incidents/{incident_id}")
def read_incident(incident_id: UUID, principal: Reader) -> IncidentAnswer:
    """One incident."""
    return reading.read_incident(principal, incident_id)


@router.get("/incidents/{incident_id}/alerts")
def list_members(
    incident_id: UUID, principal: Reader, cursor: Cursor = None, limit: Limit = 50
) -> MemberPage:
    """Its alerts, oldest first, and why each is one of them."""
    return reading.list_members(principal, incident_id, cursor=cursor, limit=limit)


@router.get("/incidents/{incident_id}/timeline")
def timeline(incident_id: UUID, principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> EventPage:
    """All that was done, oldest first: who or what, when, from what, to what."""
    return reading.timeline(principal, incident_id, cursor=cursor, limit=limit)


@router.get("/incidents/{incident_id}/similar")
def similar(
    incident_id: UUID, principal: Reader, limit: Annotated[int, Query(ge=1, le=50)] = 5
) -> SimilarAnswer:
    """Resolved incidents that were like it, and what resolved them."""
    return reading.similar(principal, incident_id, limit=limit)


@router.patch("/incidents/{incident_id}", dependencies=_RATE)
def change_incident(incident_id: UUID, body: ChangeRequest, principal: Editor, bus: Bus) -> IncidentAnswer:
    """Status, owner, severity or title; the same twice changes nothing."""
    change = IncidentChange(**body.model_dump())
    return _changed(principal, incident_id, change, bus)


@router.post("/incidents/{incident_id}/snooze", dependencies=_RATE)
def snooze(incident_id: UUID, body: SnoozeRequest, principal: Editor, bus: Bus) -> IncidentAnswer:
    """Tells nobody of it until then; null ends that."""
    return _changed(
        principal, incident_id, IncidentChange(snoozed_until=body.until or datetime.now(UTC)), bus
    )


@router.post("/incidents/{incident_id}/notes", status_code=201, dependencies=_RATE)
def add_note(incident_id: UUID, body: NoteRequest, principal: Editor, bus: Bus) -> IncidentAnswer:
    """Writes something into the timeline."""
    return _changed(principal, incident_id, IncidentChange(note=body.text), bus)


@router.post("/incidents/{incident_id}/merge", dependencies=_RATE)
def merge(incident_id: UUID, body: MergeRequest, principal: Editor, bus: Bus) -> IncidentAnswer:
    """Other incidents go into this one."""
    row = actions.merge(
        principal.workspace_id, incident_id, body.incident_ids, actor=actor_of(principal), events=bus
    )
    return reading.answer_of(row)


@router.post("/incidents/{incident_id}/split", status_code=201, dependencies=_RATE)
def split(incident_id: UUID, body: SplitRequest, principal: Editor, bus: Bus) -> IncidentAnswer:
    """Some of its alerts become an incident of their own; the two are never put together again."""
    row = actions.split(
        principal.workspace_id, incident_id, body.alert_ids, actor=actor_of(principal), events=bus
    )
    return reading.answer_of(row)


def _changed(principal: Principal, incident_id: UUID, change: IncidentChange, bus: Events) -> IncidentAnswer:
    row = pipeline.change(principal.workspace_id, incident_id, change, actor=actor_of(principal), events=bus)
    return reading.answer_of(row)


@router.get("/incident-settings")
def read_settings(principal: Reader) -> SettingsBody:
    """When somebody is told of an incident, and when it is over."""
    return configuring.read_settings(principal)


@router.put("/incident-settings", dependencies=_RATE)
def put_settings(body: SettingsBody, principal: Admin) -> SettingsBody:
    """For what arrives from now on; what is left out takes its default."""
    return configuring.put_settings(principal, body)


@router.get("/maintenance-windows")
def list_maintenance(principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> MaintenancePage:
    """Times in which alerts are kept and nobody is told, newest first."""
    return configuring.list_maintenance(principal, cursor=cursor, limit=limit)


@router.post("/maintenance-windows", status_code=201, dependencies=_RATE)
def add_maintenance(body: MaintenanceRequest, principal: Editor) -> MaintenanceAnswer:
    """Holds back alerts that begin in it."""
    return configuring.add_maintenance(principal, body)


@router.delete("/maintenance-windows/{maintenance_id}", status_code=204)
def end_maintenance(maintenance_id: UUID, principal: Editor) -> None:
    """Ends it now."""
    configuring.end_maintenance(principal, maintenance_id)


@router.get("/service-map")
def read_service_map(principal: Reader) -> ServiceMapBody:
    """What stands on what."""
    return configuring.read_service_map(principal)


@router.put("/service-map", dependencies=_RATE)
def put_service_map(body: ServiceMapBody, principal: Admin) -> ServiceMapBody:
    """In place of the one before."""
    return configuring.put_service_map(principal, body)
