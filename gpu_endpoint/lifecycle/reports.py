"""What each container says of itself: one object that expires, so that those that ended do not count."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, ValidationError

from gpu_endpoint.lifecycle.desired_state import Weights
from gpu_endpoint.lifecycle.objects import Objects
from gpu_endpoint.models.config import Part
from gpu_endpoint.models.ports import Task

CONTAINERS = "containers/"
BREACHES = "breaches/"


class RevisionReport(Part):
    """How one revision of one model is doing in one container."""

    model: str
    revision: str
    attempt: int = 0
    state: Literal["loading", "ready", "failed"]
    serves: str | None = Field(default=None, description="The revision that answers carry, once loaded.")
    reason: str = ""
    checks: dict[str, float] = Field(default_factory=dict)
    took_s: float = 0.0


class ContainerReport(Part):
    """One container. It counts until its object is `ttl_s` old."""

    container: str
    state: str | None = Field(description="ETag of the desired state it follows; None while there is none.")
    misread: str = Field(default="", description="Why the newest state object was not understood.")
    ttl_s: float
    revisions: list[RevisionReport] = Field(default_factory=list)
    routes: dict[str, str] = Field(default_factory=dict, description="Model -> the revision that answers.")
    defaults: dict[Task, str] = Field(default_factory=dict)
    shadow: dict[str, dict[str, float]] = Field(default_factory=dict)
    bundled: list[Weights] = Field(default_factory=list, description="What it serves without a state.")

    def of(self, model_id: str, revision: str) -> RevisionReport | None:
        """What it says of one revision."""
        for one in self.revisions:
            if (one.model, one.revision) == (model_id, revision):
                return one
        return None


class Breach(Part):
    """One container's judgement that a revision must not serve."""

    container: str
    reason: str


def fleet(objects: Objects) -> list[ContainerReport]:
    """The containers that live. Raises: StoreError."""
    reports = []
    for one in objects.listed(CONTAINERS):
        report = read(ContainerReport, objects, one.key)
        if report is not None and one.age_s < report.ttl_s:
            reports.append(report)
    return reports


def breaches(objects: Objects) -> dict[str, str]:
    """Key -> reason of every judgement; read before the state, which may have counted in what is deleted.

    Raises: StoreError.
    """
    found = {one.key: read(Breach, objects, one.key) for one in objects.listed(BREACHES)}
    return {key: breach.reason for key, breach in found.items() if breach is not None}


def read(shape: Any, objects: Objects, key: str) -> Any:
    """An object of that shape; None when it is gone or of another form."""
    stored = objects.get(key)
    if stored is None:
        return None
    try:
        return shape.model_validate_json(stored.body)
    except ValidationError:
        return None
