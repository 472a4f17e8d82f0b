"""What becomes of an incident: pure decisions."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import get_args

from sightline.incidents.grouping.schemas import Facts, IncidentStatus, Settings
from sightline.incidents.schemas import Severity

STEPS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
"""Numbers of alerts that people are told of."""
SEVERITIES: Sequence[Severity] = get_args(Severity)


def apart(seconds: float) -> str:
    """4 min apart."""
    return f"{seconds:.0f} s apart" if seconds < 90 else f"{seconds / 60:.0f} min apart"


def rank(severity: str) -> int:
    """0 is the gravest."""
    return SEVERITIES.index(severity)


def enough(facts: Facts, settings: Settings) -> bool:
    """Whether an incident is worth telling of."""
    if facts.loud >= settings.alerts_needed:
        return True
    at_once, gravest = settings.opens_at_once, facts.loud_severity
    return at_once is not None and gravest is not None and rank(gravest) <= rank(at_once)


def resolves_at(facts: Facts, settings: Settings) -> datetime | None:
    """When it resolves by itself, if nothing fires until then."""
    if facts.firing or not settings.auto_resolve or facts.quiet_since is None:
        return None
    return facts.quiet_since + timedelta(seconds=settings.resolve_after_s)


def status_of(
    status: IncidentStatus, resolved_at: datetime | None, *, by_person: bool, facts: Facts
) -> IncidentStatus:
    """Whether what was resolved goes on: a person's word stands until something new fires."""
    if status != "resolved" or facts.loud_since is None:
        return status
    again = not by_person or resolved_at is None or facts.loud_since > resolved_at
    return "open" if again else status


def step_of(alerts: int) -> int:
    """The largest number that was reached; 0 for none."""
    return max((step for step in STEPS if step <= alerts), default=0)
