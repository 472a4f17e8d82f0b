"""What containers' judgements make of the desired state. Pure, so all who read both come to the same end."""

from __future__ import annotations

from collections.abc import Mapping

from gpu_endpoint.lifecycle.desired_state import DesiredState, ModelEntry, rolled_back


def settled(state: DesiredState, breaches: Mapping[str, str]) -> DesiredState:
    """The state after what containers judged: breach key -> reason. What any one found bad, is for all."""
    for entry in state.models:
        bad = breaches.get(breach_key(entry, entry.current))
        if bad is not None and entry.previous is not None:
            state = rolled_back(state, entry.id, reason=bad)
            continue
        candidate = entry.candidate
        if candidate and candidate.mode == "canary":
            bad = breaches.get(breach_key(entry, candidate.revision, attempt=candidate.attempt))
            if bad is not None:
                reason = f"{candidate.revision}: {bad}"
                state = state.with_entry(entry.changed(candidate=None, rolled_back=reason))
    return state


def judged(state: DesiredState) -> set[str]:
    """The keys of judgements that count: on what is current, and on candidates. All older ones never will."""
    keys = {breach_key(entry, entry.current) for entry in state.models}
    for entry in state.models:
        if candidate := entry.candidate:
            keys.add(breach_key(entry, candidate.revision, attempt=candidate.attempt))
    return keys


def breach_key(entry: ModelEntry, revision: str, *, attempt: int = 0) -> str:
    """Names a judgement on one revision in one generation (and, for a candidate, one attempt)."""
    return f"breaches/{entry.id.replace('/', '--')}/{entry.generation}-{attempt}-{revision}.json"
