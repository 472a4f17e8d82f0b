"""Who is on the road, and which painter draws it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from gpu_endpoint.training import beings, emergency, furniture, vehicles
from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.palette import CAR_COLOURS, CAR_WEIGHTS
from gpu_endpoint.training.stance import Stance

NEAR_S = 0.36  # nearness from which something is called near

_PAINTERS: dict[str, Callable[[Canvas, Stance], None]] = {
    "car": vehicles.car,
    "truck": vehicles.truck,
    "bus": vehicles.bus,
    "emergency": emergency.emergency,
    "cyclist": beings.cyclist,
    "motorcycle": beings.motorcycle,
    "pedestrian": beings.pedestrian,
    "animal": beings.animal,
    "light": furniture.traffic_light,
    "stop": furniture.stop_sign,
    "cone": furniture.cones,
    "warning": furniture.warning_sign,
}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """One thing on the road: where it is (u, s), its variant (colour, species, phase of a step), its seed."""

    kind: str
    u: float  # half road widths from the middle; negative is left
    s: float  # nearness, 1 at the picture's bottom edge
    variant: str = ""
    view: str = ""  # rear, front or side; chance decides where empty
    crossing: bool = False
    count: int = 1  # of people in a group
    seed: int = 0

    @property
    def side(self) -> str:
        """Left, ahead or right of the viewer."""
        return "left" if self.u < -0.4 else "right" if self.u > 0.4 else "ahead"

    @property
    def reach(self) -> str:
        """Near or far."""
        return "near" if self.s >= NEAR_S else "far"


def random_variant(rng: random.Random, kind: str) -> str:
    """The colour of a car, the state of a light, the species of an animal."""
    if kind == "car":
        return rng.choices(list(CAR_COLOURS), CAR_WEIGHTS)[0]
    options = {
        "light": ("red", "green"), "animal": ("deer", "deer", "deer", "deer", "cow", "dog"),
        "emergency": ("ambulance", "police", "fire"),
    }  # fmt: skip
    return rng.choice(options.get(kind, ("",)))


def paint_actor(canvas: Canvas, actor: Actor) -> None:
    """Paint the actor where it stands."""
    x, y = canvas.camera.ground(actor.u, actor.s)
    if actor.s > 1.4 or not -0.4 * canvas.camera.width < x < 1.4 * canvas.camera.width:
        return
    canvas.at_depth(actor.s)
    rng = random.Random(actor.seed)
    unit = canvas.camera.metre(actor.s)
    for member in range(actor.count):
        shift = member * 0.55 * unit * (1 if actor.u > 0 else -1)
        _PAINTERS[actor.kind](canvas, Stance(x + shift, y, unit, actor.variant, actor.view, rng))


def facts_of(actors: list[Actor]) -> set[str]:
    """What a caption may say about the actors."""
    facts: set[str] = set()
    counts: dict[str, int] = {}
    for actor in actors:
        kind = actor.kind
        facts |= {kind, f"{kind}@{actor.side}", f"{kind}:{actor.reach}", f"{kind}@{actor.side}:{actor.reach}"}
        counts[kind] = counts.get(kind, 0) + actor.count
        if kind in ("animal", "emergency"):
            facts.add(actor.variant)
        elif kind in ("car", "light"):
            facts.add(f"{actor.variant} {kind}")
        if actor.crossing:
            facts.add("ped crossing")
    for kind, count in counts.items():
        facts |= {f"{kind}>={least}" for least in (2, 3) if count >= least}
    return facts or {"empty"}
