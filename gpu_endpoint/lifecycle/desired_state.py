"""What every container should serve: one JSON object, and the steps that lead from one state to the next.

The steps are pure. A step that does not fit the state raises TransitionError; one that was already taken
changes nothing, so an operator whose command was cut off runs it again.
"""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from gpu_endpoint.models.config import ModelConfig, Part
from gpu_endpoint.models.ports import Task

STATE_KEY = "desired.json"
Mode = Literal["idle", "shadow", "canary"]


class TransitionError(Exception):
    """The state does not allow this step; the message says why."""


class Weights(Part):
    """One revision of a model: its config, and where its files are."""

    config: ModelConfig
    bundled: bool = Field(
        default=False, description="Files lie in the container image; otherwise in the store, by sha256."
    )


class Candidate(Part):
    """A revision beside the current one, on its way to take its place."""

    revision: str
    attempt: int = Field(description="Loading is tried once per container and attempt.")
    mode: Mode = "idle"
    share: float = Field(default=0.0, ge=0, le=1)


class ModelEntry(Part):
    """One model id. `generation` grows with every swap, so that judgements of older ones do not count."""

    id: str
    generation: int = 1
    attempts: int = Field(default=0, description="How many candidates there have been.")
    current: str
    previous: str | None = None
    candidate: Candidate | None = None
    revisions: dict[str, Weights]
    rolled_back: str | None = Field(default=None, description="Why the last swap was taken back, if it was.")

    def named(self) -> list[str]:
        """Revisions that must be in memory, the most needed first."""
        candidate = self.candidate.revision if self.candidate else None
        return list(
            dict.fromkeys(name for name in (self.current, self.previous, candidate) if name is not None)
        )

    def changed(self, **changes: object) -> ModelEntry:
        """A copy that keeps the weights of the revisions it still names."""
        entry = ModelEntry.model_validate({**dict(self), **changes})
        kept = {name: entry.revisions[name] for name in entry.named()}
        return entry.model_copy(update={"revisions": kept})


class DesiredState(Part):
    """The object `desired.json`; its ETag is the state's revision."""

    format: Literal[1] = 1
    models: list[ModelEntry]
    defaults: dict[Task, str] = Field(description="The model that answers when a request names none.")

    @model_validator(mode="after")
    def defaults_are_served(self) -> Self:
        """A default names one of the models."""
        if unknown := set(self.defaults.values()) - {entry.id for entry in self.models}:
            raise ValueError(f"no model {', '.join(sorted(unknown))}")
        return self

    def entry(self, model_id: str) -> ModelEntry:
        """Raises: TransitionError."""
        for entry in self.models:
            if entry.id == model_id:
                return entry
        raise TransitionError(f"no model {model_id!r}; there are {', '.join(one.id for one in self.models)}")

    def with_entry(self, entry: ModelEntry) -> DesiredState:
        """This state with one model's entry replaced, or added."""
        known = {one.id: one for one in self.models} | {entry.id: entry}
        return self.model_copy(update={"models": list(known.values())})


def added(state: DesiredState, weights: Weights) -> DesiredState:
    """A model id that was not served before: nothing to compare it with, nothing to take the place of."""
    revision, model_id = weights.config.revision(), weights.config.id
    for entry in state.models:
        if (entry.id, entry.current) == (model_id, revision):
            return state
        if entry.id == model_id:
            raise TransitionError(f"{model_id} is served; load the revision as a candidate")
    return state.with_entry(ModelEntry(id=model_id, current=revision, revisions={revision: weights}))


def removed(state: DesiredState, model_id: str) -> DesiredState:
    """A model id that is served no more. A default is left only by naming another."""
    if tasks := [task for task, name in state.defaults.items() if name == model_id]:
        raise TransitionError(f"{model_id} is the default of {', '.join(tasks)}; name another one first")
    return state.model_copy(update={"models": [one for one in state.models if one.id != model_id]})


def loading(state: DesiredState, weights: Weights, *, mode: Mode = "idle", share: float = 0) -> DesiredState:
    """A candidate for a model that is served. Loading the same again tries again where it had failed."""
    revision = weights.config.revision()
    entry = state.entry(weights.config.id)
    if revision == entry.current:
        raise TransitionError(f"{revision} is the current revision of {entry.id}")
    if entry.candidate and entry.candidate.revision != revision:
        raise TransitionError(
            f"{entry.candidate.revision} is the candidate of {entry.id}; promote or drop it first"
        )
    attempt = entry.attempts + 1
    candidate = Candidate(revision=revision, attempt=attempt, mode=mode, share=share)
    revisions = {**entry.revisions, revision: weights}
    return state.with_entry(entry.changed(candidate=candidate, attempts=attempt, revisions=revisions))


def trying(state: DesiredState, model_id: str, *, mode: Mode, share: float) -> DesiredState:
    """Sends a share of the traffic to the candidate as well (shadow), or instead (canary)."""
    entry = state.entry(model_id)
    if entry.candidate is None:
        raise TransitionError(f"{model_id} has no candidate")
    candidate = entry.candidate.model_copy(update={"mode": mode, "share": share})
    return state.with_entry(entry.changed(candidate=Candidate.model_validate(dict(candidate))))


def dropped(state: DesiredState, model_id: str) -> DesiredState:
    """Lets the candidate go."""
    return state.with_entry(state.entry(model_id).changed(candidate=None))


def promoted(state: DesiredState, model_id: str, revision: str) -> DesiredState:
    """The candidate takes the current one's place, which stays in memory as the previous one."""
    entry = state.entry(model_id)
    if entry.current == revision:
        return state
    if entry.candidate is None or entry.candidate.revision != revision:
        raise TransitionError(f"{revision} is not the candidate of {model_id}")
    return state.with_entry(
        entry.changed(
            generation=entry.generation + 1,
            current=revision,
            previous=entry.current,
            candidate=None,
            rolled_back=None,
        )
    )


def rolled_back(state: DesiredState, model_id: str, *, reason: str) -> DesiredState:
    """The previous revision takes its place back; the one that failed leaves memory."""
    entry = state.entry(model_id)
    if entry.previous is None:
        raise TransitionError(f"{model_id} has no previous revision")
    return state.with_entry(
        entry.changed(
            generation=entry.generation + 1,
            current=entry.previous,
            previous=None,
            rolled_back=f"{entry.current}: {reason}",
        )
    )


def with_default(state: DesiredState, task: Task, model_id: str) -> DesiredState:
    """Another model for requests that name none."""
    state.entry(model_id)
    return state.model_copy(update={"defaults": {**state.defaults, task: model_id}})
