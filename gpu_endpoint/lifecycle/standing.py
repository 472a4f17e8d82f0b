"""What the containers' reports say of a step: done, under way, or refused, and why."""

from __future__ import annotations

from gpu_endpoint.lifecycle.desired_state import DesiredState, ModelEntry
from gpu_endpoint.lifecycle.reports import ContainerReport


class FleetError(Exception):
    """The containers did not do in time, or refused to do, what the state asks of them."""


def ready(entry: ModelEntry, revision: str, fleet: list[ContainerReport]) -> bool:
    """Whether all have the revision. Raises: FleetError, when one refused it, or it is wanted no more."""
    if entry.current == revision:
        return True
    candidate = entry.candidate
    if candidate is None or candidate.revision != revision:
        why = entry.rolled_back or "it was not loaded, or dropped"
        raise FleetError(f"{revision} is not the candidate of {entry.id}: {why}")
    refuse_failed(entry.id, revision, candidate.attempt, fleet)
    said = [one.of(entry.id, revision) for one in fleet]
    return all(one is not None and one.state == "ready" for one in said)


def came_in(model_id: str, revision: str, fleet: list[ContainerReport]) -> bool:
    """Whether all answer with it. Raises: FleetError, when one could not load it."""
    refuse_failed(model_id, revision, 0, fleet)
    return all(one.routes.get(model_id) == revision for one in fleet)


def refuse_failed(model_id: str, revision: str, attempt: int, fleet: list[ContainerReport]) -> None:
    """Raises: FleetError, with the reason, when a container could not load it."""
    said = [one.of(model_id, revision) for one in fleet]
    reasons = [one.reason for one in said if one and (one.state, one.attempt) == ("failed", attempt)]
    if reasons:
        raise FleetError(f"{revision} failed in {len(reasons)} of {len(fleet)} containers: {reasons[0]}")


def adopted(fleet: list[ContainerReport]) -> DesiredState:
    """The first state: what the containers serve by themselves. Raises: FleetError, when none lives."""
    serving = next((one for one in fleet if one.bundled), None)
    if serving is None:
        raise FleetError("there is no desired state, and no container lives that could say what it serves")
    entries = [
        ModelEntry(
            id=weights.config.id,
            current=weights.config.revision(),
            revisions={weights.config.revision(): weights},
        )
        for weights in serving.bundled
    ]
    return DesiredState(models=entries, defaults=serving.defaults)
