"""Use cases of what a workspace sets: thresholds, maintenance, its service map."""

from dataclasses import asdict
from uuid import UUID

from sightline.cursor import id_in, next_page
from sightline.database import Row, transaction
from sightline.errors import NotFoundError, ValidationError
from sightline.incidents.grouping import config_store, names, store
from sightline.incidents.grouping.schemas import (
    MaintenanceAnswer,
    MaintenancePage,
    MaintenanceRequest,
    ServiceMapBody,
    SettingsBody,
)
from sightline.incidents.grouping.topology import calls_of
from sightline.principal import Principal

MOST_DEPENDENCIES = 20_000


def read_settings(principal: Principal) -> SettingsBody:
    """Those that hold."""
    with transaction(principal.workspace_id) as conn:
        return SettingsBody(**asdict(config_store.settings(conn)))


def put_settings(principal: Principal, body: SettingsBody) -> SettingsBody:
    """For what arrives from now on."""
    values = {"workspace_id": principal.workspace_id, "updated_by": principal.principal_id}
    with transaction(principal.workspace_id) as conn:
        config_store.put_settings(conn, {**values, **body.model_dump()})
    return body


def add_maintenance(principal: Principal, body: MaintenanceRequest) -> MaintenanceAnswer:
    """Raises: ValidationError."""
    if body.ends_at <= body.starts_at:
        raise ValidationError(errors=[{"field": "body.ends_at", "message": "It ends before it starts."}])
    services = sorted({names.service_of(name) for name in body.services})
    if "" in services:
        raise ValidationError(errors=[{"field": "body.services", "message": "One of them names no service."}])
    values = {
        "workspace_id": principal.workspace_id,
        "reason": body.reason,
        "services": services,
        "environments": sorted({names.environment_of(name) for name in body.environments}),
        "starts_at": body.starts_at,
        "ends_at": body.ends_at,
        "created_by": principal.principal_id,
    }
    with transaction(principal.workspace_id) as conn:
        return _maintenance(config_store.add_maintenance(conn, values))


def list_maintenance(principal: Principal, *, cursor: str | None, limit: int) -> MaintenancePage:
    """Newest first. Raises: InvalidCursorError."""
    before = id_in(cursor)
    with transaction(principal.workspace_id) as conn:
        rows = config_store.maintenances(conn, before=before, limit=limit + 1)
    page, more = next_page(rows, limit, "id")
    return MaintenancePage(items=[_maintenance(row) for row in page], next_cursor=more)


def end_maintenance(principal: Principal, maintenance_id: UUID) -> None:
    """What fires all the same is told of within the next minutes. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        store.lock_grouping(conn)
        row = config_store.end_maintenance(conn, maintenance_id)
        if row is None:
            raise NotFoundError
        config_store.unmute(conn, row["ends_at"])


def _maintenance(row: Row) -> MaintenanceAnswer:
    return MaintenanceAnswer(**{name: row[name] for name in MaintenanceAnswer.model_fields})


def read_service_map(principal: Principal) -> ServiceMapBody:
    """By the names that alerts are compared by."""
    services: dict[str, list[str]] = {}
    with transaction(principal.workspace_id) as conn:
        for service, below in config_store.service_map(conn):
            services.setdefault(service, []).append(below)
    return ServiceMapBody(services=services)


def put_service_map(principal: Principal, body: ServiceMapBody) -> ServiceMapBody:
    """In place of the one before; what no alert could be of is left out. Raises: ValidationError."""
    pairs = calls_of(body.services)
    if len(pairs) > MOST_DEPENDENCIES:
        message = f"At most {MOST_DEPENDENCIES} dependencies."
        raise ValidationError(errors=[{"field": "body.services", "message": message}])
    with transaction(principal.workspace_id) as conn:
        config_store.put_service_map(conn, principal.workspace_id, pairs)
    return read_service_map(principal)
