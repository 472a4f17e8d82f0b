"""Who is in a training scene, where, and who takes whose place in its twin."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gpu_endpoint.training.actors import Actor, random_variant
from gpu_endpoint.training.barriers import Barrier
from gpu_endpoint.training.camera import Camera

_KINDS = (
    ["car"] * 7 + ["truck"] * 2 + ["bus"] * 2 + ["cyclist"] * 3 + ["pedestrian"] * 3 + ["light"] * 3
    + ["stop"] * 2 + ["cone"] * 2 + ["animal"] * 2 + ["motorcycle", "emergency", "warning"]
)  # fmt: skip
_SIGNS = ("stop", "warning", "light")
_STREET_KINDS = ("pedestrian", "cyclist", "light", "stop")
_WIDE_M = {"car": 0.9, "truck": 1.15, "bus": 1.2, "emergency": 1.1, "animal": 0.5}  # half widths
_LATERAL = {"left": (-1.05, -0.6), "ahead": (-0.18, 0.18), "right": (0.6, 1.05)}


def in_sight(actors: list[Actor], camera: Camera) -> list[Actor]:
    """The actors that the picture shows, moved in where their side allows it; who is hidden is left out."""
    kept: list[Actor] = []
    for actor in sorted(actors, key=lambda a: -a.s):
        middle = camera.ground(0.0, actor.s)[0]
        reach = camera.road * actor.s
        low, high = (0.04 * camera.width - middle) / reach, (0.96 * camera.width - middle) / reach
        moved = replace(actor, u=min(max(actor.u, low), high))
        if moved.side == actor.side and not any(_hides(near, moved, camera) for near in kept):
            kept.append(moved)
    return kept


def _hides(near: Actor, far: Actor, camera: Camera) -> bool:
    """Whether most of the far one is behind the near one."""
    half = _WIDE_M.get(near.kind, 0.25) * camera.metre(near.s)
    between = abs(camera.ground(near.u, near.s)[0] - camera.ground(far.u, far.s)[0])
    return near.s > 1.3 * far.s and between < half - 0.5 * _WIDE_M.get(far.kind, 0.25) * camera.metre(far.s)


def random_actors(rng: random.Random, road: str, crosswalk: float | None, *, plain: bool) -> list[Actor]:
    """Who crosses, stands and drives; on a highway mostly vehicles."""
    actors: list[Actor] = []
    if crosswalk is not None and rng.random() < 0.6:
        u = rng.uniform(-0.4, 0.4)
        near = max(0.4, crosswalk + rng.uniform(0, 0.06))
        actors.append(
            Actor(kind="pedestrian", u=u, s=near, crossing=True, seed=rng.getrandbits(32),
                  count=1 if plain else rng.choice((1, 1, 2)))
        )  # fmt: skip
    for _ in range(rng.choices((0, 1, 2, 3, 4, 6), (0.1, 0.27, 0.29, 0.19, 0.11, 0.04))[0]):
        kind, side, reach = rng.choice(_KINDS), rng.choice(list(_LATERAL)), rng.choice(("near", "far"))
        if kind in _SIGNS and any(a.kind == kind for a in actors):
            continue
        if road == "highway" and kind in _STREET_KINDS and rng.random() < 0.6:
            kind = rng.choice(("car", "car", "truck"))
        if kind == "light":
            side = rng.choice(("ahead", "right"))
        if kind in ("stop", "warning"):
            side = "right"
        if any(a.side == side and a.reach == reach for a in actors):
            continue
        actors.append(random_actor(rng, kind, side, reach, plain=plain))
    if road == "city" and not plain:
        actors += _bystanders(rng)
    return actors


def random_actor(rng: random.Random, kind: str, side: str, reach: str, *, plain: bool) -> Actor:
    """One actor of a kind on a side, near or far."""
    low, high = (0.16, 0.27) if reach == "far" else (0.45, 0.68)
    if not plain:
        low, high = (0.13, 0.3) if reach == "far" else (0.38, 0.74)
    return Actor(
        kind=kind, u=rng.uniform(*_LATERAL[side]), s=rng.uniform(low, high), seed=rng.getrandbits(32),
        variant=random_variant(rng, kind),
        count=rng.choice((1, 1, 2, 3)) if kind == "pedestrian" and not plain else 1,
    )  # fmt: skip


def _bystanders(rng: random.Random) -> list[Actor]:
    """Parked cars along the kerb and people on the pavement."""
    actors = []
    if rng.random() < 0.12:
        actors += _car_park(rng)
    elif rng.random() < 0.5:
        side = rng.choice((-1, 1))
        for s in (0.14, 0.2, 0.28, 0.4)[: rng.randint(1, 4)]:
            actors.append(
                Actor(kind="car", u=side * rng.uniform(0.85, 1.05), s=s, variant=random_variant(rng, "car"),
                      seed=rng.getrandbits(32))
            )  # fmt: skip
    return actors + _passers_by(rng) if rng.random() < 0.5 else actors


def _car_park(rng: random.Random) -> list[Actor]:
    """Cars side by side, left and right of the way between them."""
    return [
        Actor(kind="car", u=side * rng.uniform(1.0, 1.35), s=s, variant=random_variant(rng, "car"),
              view=rng.choice(("front", "rear", "")), seed=rng.getrandbits(32))
        for side in (-1, 1) for s in (0.14, 0.18, 0.23, 0.3, 0.4, 0.55) if rng.random() < 0.8
    ]  # fmt: skip


def _passers_by(rng: random.Random) -> list[Actor]:
    """People on the pavement."""
    return [
        Actor(kind="pedestrian", u=rng.choice((-1, 1)) * rng.uniform(1.0, 1.6), s=rng.uniform(0.12, 0.5),
              seed=rng.getrandbits(32))
        for _ in range(rng.choice((1, 1, 2, 3, 5)))
    ]  # fmt: skip


def oncoming(rng: random.Random, barriers: Iterable[Barrier], lane: float) -> list[Actor]:
    """Cars of the other carriageway, of which a barrier hides the lower half."""
    return [
        Actor(kind="car", u=barrier.u * rng.uniform(1.15, 2.0) - lane, s=rng.uniform(0.1, 0.4),
              variant=random_variant(rng, "car"), seed=rng.getrandbits(32))
        for barrier in barriers if barrier.kind != "tall" and rng.random() < 0.3
        for _ in range(rng.randint(1, 5))
    ]  # fmt: skip


def moving_on(actors: Sequence[Actor], rng: random.Random) -> list[Actor]:
    """The actors without most of those that walk or are parked, as on a highway."""
    parked = {actor for actor in actors if actor.kind == "car" and abs(actor.u) > 0.95}
    return [a for a in actors if rng.random() < 0.2 or not (a.kind == "pedestrian" or a in parked)]


def deserted_or_peopled(actors: Iterable[Actor], rng: random.Random) -> list[Actor]:
    """The actors without anyone on foot; where nobody was, with people on the pavement."""
    actors = list(actors)
    others = [actor for actor in actors if actor.kind != "pedestrian"]
    return others if len(others) < len(actors) else others + _passers_by(rng)


def exchanged(actors: list[Actor], rng: random.Random, *, plain: bool) -> list[Actor]:
    """The actors with one gone, moved, exchanged for another kind, or with a new one."""
    actors = list(actors)
    kind, side, reach = rng.choice(_KINDS), rng.choice(list(_LATERAL)), rng.choice(("near", "far"))
    if actors:
        gone = actors.pop(rng.randrange(len(actors)))
        change = rng.random()
        if change < 0.3:
            return actors
        if change < 0.8:  # the same kind elsewhere
            kind = gone.kind
        else:  # another kind in the same place
            side, reach = gone.side, gone.reach
    side = "right" if kind in _SIGNS else side
    taken = any(a.side == side and a.reach == reach for a in actors)
    if not taken and not any(a.kind == kind and kind in _SIGNS for a in actors):
        actors.append(random_actor(rng, kind, side, reach, plain=plain))
    return actors
