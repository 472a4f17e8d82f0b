"""From what should serve and what is in memory to who answers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from gpu_endpoint.lifecycle.desired_state import DesiredState, ModelEntry
from gpu_endpoint.models.ports import Task
from gpu_endpoint.residents import Route

Key = tuple[str, str]
"""A model's id and a revision as the state names it."""
Held = Mapping[Key, str]
"""What is loaded and checked -> the revision that its answers carry."""


@dataclass(frozen=True, slots=True)
class Routing:
    """Who answers, and by which of the state's revisions."""

    routes: dict[str, Route]
    defaults: dict[Task, str]
    serving: dict[str, str]


def routed(state: DesiredState, held: Held, before: Routing) -> Routing:
    """A model whose current revision is not in memory keeps the one that answered before."""
    routes: dict[str, Route] = {}
    serving: dict[str, str] = {}
    for entry in state.models:
        chosen = serving_revision(entry, held, before.serving.get(entry.id))
        if chosen is not None:
            serving[entry.id] = chosen
            routes[entry.id] = route_of(entry, held, chosen)
    defaults = {task: name for task, name in before.defaults.items() if name in routes}
    defaults |= {task: name for task, name in state.defaults.items() if name in routes}
    return Routing(routes, defaults, serving)


def serving_revision(entry: ModelEntry, held: Held, before: str | None) -> str | None:
    """The best that is in memory."""
    for revision in (entry.current, before, entry.previous):
        if revision is not None and (entry.id, revision) in held:
            return revision
    return None


def route_of(entry: ModelEntry, held: Held, chosen: str) -> Route:
    """Where the requests for one model go."""
    spare = next(
        (
            held[entry.id, revision]
            for revision in (entry.current, entry.previous)
            if revision is not None and revision != chosen and (entry.id, revision) in held
        ),
        None,
    )
    current, candidate = held[entry.id, chosen], entry.candidate
    if candidate and candidate.mode == "canary" and candidate.revision != chosen:
        canary = held.get((entry.id, candidate.revision))
        return Route(current=current, fallback=spare, canary=canary, share=candidate.share)
    return Route(current=current, fallback=spare)
