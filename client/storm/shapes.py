"""What a storm is made of."""

from dataclasses import dataclass, field
from typing import Any, Literal

Vendor = Literal["datadog", "sentry", "alertmanager", "grafana", "pagerduty"]
State = Literal["fires", "again", "recovers"]


@dataclass(frozen=True, slots=True)
class Monitor:
    """One rule of one tool, watching one thing: its alerts and their recoveries share its name."""

    name: str
    vendor: Vendor
    title: str
    description: str
    severity: str
    environment: str
    region: str
    service: str | None = None
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What a monitor says at one moment. truth: the outage behind it; None is unrelated noise."""

    monitor: Monitor
    at_s: float
    since_s: float
    state: State
    truth: str | None


@dataclass(frozen=True, slots=True)
class StormAlert:
    """One delivery. at_s: when it arrives, in seconds of the storm; sent twice, `delivery` is the same."""

    vendor: Vendor
    at_s: float
    payload: dict[str, Any]
    delivery: str
    monitor: str
    truth: str | None
    recovers: bool
    headers: dict[str, str] = field(default_factory=dict)
