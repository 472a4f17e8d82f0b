"""A family: one company's services, its kinds of outage, and how its tools word them; a JSON file each."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from client.storm.shapes import Vendor

COMPANIES = ("everyday", "streaming", "bank", "parcels", "games", "clinic", "grid")
FAMILIES = {name: Path(__file__).parent / f"{name}.json" for name in COMPANIES}
EVERYDAY = FAMILIES["everyday"]
Place = Literal["root", "callers", "far_callers", "some", "node", "neighbours", "nowhere"]


class Service(BaseModel):
    """What runs. aka: its name in a tool where that differs from what everybody else calls it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    calls: list[str] = Field(default_factory=list)
    stateful: bool = False
    aka: dict[Vendor, str] = Field(default_factory=dict)


class Symptom(BaseModel):
    """What an outage looks like somewhere. says: title and description, as each tool would word them.

    carries: which of service and host the alert names in its fields. hosts: on how many at once.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    of: Place
    after_s: tuple[float, float]
    severity: Literal["critical", "high", "medium", "low"]
    says: dict[Vendor, tuple[str, str]]
    carries: Literal["service", "host", "both", "none"] = "service"
    chance: float = 1.0
    hosts: int = 1


class Kind(BaseModel):
    """A kind of outage. roots: what it may befall; none means a node or a zone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    roots: list[str] = Field(default_factory=list)
    lasts_s: tuple[float, float]
    reach: tuple[int, int] = (0, 0)
    symptoms: list[Symptom]


class Noise(BaseModel):
    """An alert that belongs to nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    says: dict[Vendor, tuple[str, str]]
    severity: Literal["critical", "high", "medium", "low"]
    carries: Literal["service", "host", "both", "none"] = "service"
    environment: Literal["production", "staging", "any"] = "any"


class Family(BaseModel):
    """All of it. words: each tool's word for an environment."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: str
    zones: list[str]
    words: dict[str, dict[Vendor, str]]
    services: dict[str, Service]
    kinds: dict[str, Kind]
    noise: list[Noise]

    def callers(self, service: str) -> list[str]:
        """Who calls it."""
        return [name for name, one in self.services.items() if service in one.calls]

    def service_map(self) -> dict[str, list[str]]:
        """Who calls whom, as an owner would tell Sightline."""
        return {name: list(one.calls) for name, one in self.services.items()}


@lru_cache
def family(path: Path = EVERYDAY) -> Family:
    """Read from its file."""
    return Family.model_validate(json.loads(path.read_text()))
