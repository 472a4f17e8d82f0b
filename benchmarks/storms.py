"""Storms played through triage and grouping: real Postgres, the bundled models behind a real endpoint."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from benchmarks.fleet import CREDENTIALS, Container
from benchmarks.report import BUILD
from client.storm import StormAlert, Vendor
from client.storm.weather import BEGAN
from local_cloud.database import prepare_database
from local_cloud.postgres import EmbeddedPostgres
from sightline.database import Row, close_idle, transaction
from sightline.incidents import source_store
from sightline.incidents.grouping.config_store import put_service_map
from sightline.incidents.grouping.topology import calls_of
from sightline.incidents.rules import SCHEMES
from sightline.incidents.triage import Triage
from sightline.migrations import migrate
from sightline.settings import get_settings
from sightline.wiring import blobs, judges, sns_pages

ENDPOINT = "benchmarks"


@dataclass(frozen=True)
class Grouped:
    """An alert as it was stored, beside what the storm knows of it. truth: its outage, or the noise it is."""

    truth: str
    noise: bool
    incident: UUID | None
    shown: bool
    service: str | None
    occurred_at: datetime
    monitor: str
    because: str


@contextmanager
def laboratory() -> Iterator[None]:
    """Points this process at a database and an endpoint of its own."""
    home = BUILD / "storms"
    home.mkdir(parents=True, exist_ok=True)
    endpoint = Container(home, home / "endpoint.log", {})
    try:
        with EmbeddedPostgres(home / "pg", durable=False) as server:
            urls = prepare_database(server.url, secrets_path=home / "roles.json")
            os.environ |= CREDENTIALS | {
                "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": endpoint.wait_ready().url,
                "POWERTOOLS_METRICS_DISABLED": "true",
                "POWERTOOLS_SERVICE_NAME": "benchmarks",
                "POWERTOOLS_LOG_LEVEL": "ERROR",
                "SIGHTLINE_DATABASE_URL": urls.app,
                "SIGHTLINE_OWNER_DATABASE_URL": urls.owner,
                "SIGHTLINE_ENDPOINT_NAME": ENDPOINT,
                "SIGHTLINE_MEDIA_BUCKET": "none",
            }
            get_settings.cache_clear()
            migrate()
            yield
            close_idle()
    finally:
        endpoint.stop()


def new_workspace() -> str:
    """One that nothing else uses."""
    user_id = uuid4()
    with transaction(user_id=user_id) as conn:
        conn.execute(
            "SELECT app.provision_user(%s, %s, 'Benchmark')", (user_id, f"{user_id.hex}@example.com")
        )
        row = conn.execute("SELECT id FROM app.memberships(%s)", (user_id,)).fetchone()
    assert row is not None
    return str(row["id"])


class Unheard:
    """A bus that nobody listens to."""

    def publish(self, name: str, detail: Mapping[str, Any]) -> None:
        """Says it to nobody."""


def triage() -> Triage:
    """As the function builds it, but for the bus."""
    return Triage(blobs=blobs(), pages=sns_pages(), judges=judges(), events=Unheard())


def play(
    alerts: Sequence[StormAlert], take: Callable[[Mapping[str, Any]], None], *, calls: Mapping[str, list[str]]
) -> list[Grouped]:
    """A storm into a new workspace, as its deliveries come off the queue; what became of its alerts.

    calls: who calls whom, as the workspace's owner tells it.
    """
    workspace_id = new_workspace()
    with transaction(workspace_id) as conn:
        put_service_map(conn, workspace_id, calls_of(calls))
    sources = _sources(workspace_id, {alert.vendor for alert in alerts})
    told: dict[UUID, StormAlert] = {}
    for alert in alerts:
        delivery_id = uuid4()
        told[delivery_id] = alert
        take(
            {
                "delivery_id": str(delivery_id),
                "workspace_id": workspace_id,
                "source_id": sources[alert.vendor],
                "trust": "signed",
                "headers": {name.lower(): value for name, value in alert.headers.items()},
                "received_s": BEGAN.timestamp() + alert.at_s,
                "body": json.dumps(alert.payload),
            }
        )
    return [_grouped(row, told[row["first_delivery_id"]]) for row in _rows(workspace_id)]


def _sources(workspace_id: str, vendors: set[Vendor]) -> dict[Vendor, str]:
    sources: dict[Vendor, str] = {}
    settings: dict[str, Any] = {
        "allow_unsigned": False,
        "timestamp_header": None,
        "topic_arns": [],
        "map": None,
    }
    with transaction(workspace_id) as conn:
        for vendor in sorted(vendors):
            values = {
                "id": f"{vendor}-{uuid4().hex}",
                "workspace_id": workspace_id,
                "name": vendor,
                "platform": vendor,
                "scheme": SCHEMES.get(vendor, "shared_secret"),
                "settings": settings,
                "created_by": "benchmark",
            }
            sources[vendor] = source_store.add(conn, values)["id"]
    return sources


def _rows(workspace_id: str) -> list[Row]:
    with transaction(workspace_id) as conn:
        return conn.execute(
            "SELECT alert.*, incident.status AS incident_status FROM alert"
            " LEFT JOIN incident ON incident.id = alert.incident_id ORDER BY alert.occurred_at, alert.id"
        ).fetchall()


def _grouped(row: Row, alert: StormAlert) -> Grouped:
    return Grouped(
        truth=alert.truth or f"noise {alert.monitor}",
        noise=alert.truth is None,
        incident=row["incident_id"],
        shown=row["incident_status"] not in (None, "gathering"),
        service=row["service"],
        occurred_at=row["occurred_at"],
        monitor=alert.monitor,
        because=", ".join((row["joined_because"] or {}).get("because", ())),
    )
