"""An on-call desk of its own: a workspace whose monitors fire and recover, and the API over its incidents."""

from typing import Any

from sightline.http import as_lambda, create_app
from sightline.incidents.grouping.routes import router
from sightline.incidents.retention.routes import router as retention
from sightline.ports.work import Events
from tests.component.conftest import Answer, Handler, call, member_of
from tests.component.test_incidents import EVENTS, MODELS, NOON_S, PaperKeys, User, fire, recover
from tests.conftest import Workspace

PRIORITIES = {"critical": "P1", "high": "P2", "medium": "P3", "low": "P4"}


class Desk:
    """Alerts of one Datadog, and what became of them."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.user = User(workspace, PaperKeys())
        self.models = MODELS
        self.source_id = self.user.add_source()
        self.handler: Handler = as_lambda(create_app(retention, router, ports={Events: lambda: EVENTS}))

    def ask(self, method: str, path: str, *, role: str = "admin", **more: Any) -> Answer:
        return call(self.handler, method, path, principal=member_of(self.workspace, role), **more)

    def change(self, incident_id: str, **change: Any) -> dict[str, Any]:
        answer = self.ask("PATCH", f"/v1/incidents/{incident_id}", body=change)
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def fire(
        self,
        monitor: str,
        at_s: float = NOON_S,
        *,
        service: str = "",
        environment: str = "prod",
        host: str = "",
        severity: str = "medium",
        title: str = "",
    ) -> None:
        """At that moment, and taken a second later."""
        tags = ",".join([f"env:{environment}", *([f"service:{service}"] if service else [])])
        about = {"tags": tags, "host": host, "priority": PRIORITIES[severity]}
        payload = fire(at_s, monitor, title=title or f"{monitor} is high", **about)
        self.user.deliver(self.source_id, payload, at_s=at_s + 1)

    def recover(self, monitor: str, at_s: float) -> None:
        self.user.deliver(self.source_id, recover(at_s, monitor), at_s=at_s + 1)

    def incidents(self, status: str = "") -> list[dict[str, Any]]:
        """What the list shows, newest first."""
        query = f"status={status}" if status else ""
        items: list[dict[str, Any]] = self.ask("GET", "/v1/incidents", query=query, role="viewer").json[
            "items"
        ]
        return items

    def incident(self, incident_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ask("GET", f"/v1/incidents/{incident_id}", role="viewer").json
        return found

    def members(self, incident_id: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.ask("GET", f"/v1/incidents/{incident_id}/alerts").json["items"]
        return items

    def timeline(self, incident_id: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = self.ask("GET", f"/v1/incidents/{incident_id}/timeline").json["items"]
        return items
