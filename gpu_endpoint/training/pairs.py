"""Pairs of scenes that differ in one thing, so that a batch asks what tells them apart."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import replace

from gpu_endpoint.training import casting, roadside, wayside
from gpu_endpoint.training.actors import Actor
from gpu_endpoint.training.look import ROADS, TIMES, WEATHERS, random_look
from gpu_endpoint.training.scenes import Scene, random_scene

ROAD_TWINS = 0.35  # realistic twins that lie on another kind of road
PEOPLE_TWINS = 0.35  # twins in streets where all people are gone, or some have come

Pair = tuple[Scene, Scene]


def twins(rng: random.Random) -> Pair:
    """Any scene and its twin."""
    first = random_scene(rng)
    return first, twin(first, rng)


def passers_by(rng: random.Random) -> Pair:
    """A street by day with people on foot and without; a quarter differ in something else."""
    first = _street_by_day(rng)
    if rng.random() < 0.25:
        return first, twin(first, rng)
    return first, replace(first, actors=_seen(casting.deserted_or_peopled(first.actors, rng), first))


def twin(scene: Scene, rng: random.Random) -> Scene:
    """The same scene with one difference: an actor, the kind of road, or light or weather."""
    plain, look = scene.look.plain, scene.look
    if not plain and rng.random() < ROAD_TWINS:
        return rebuilt(scene, rng)
    if rng.random() < 0.25:
        time, sky = (
            (rng.choice(TIMES), look.weather) if rng.random() < 0.5 else (look.time, rng.choice(WEATHERS))
        )
        return replace(scene, look=random_look(rng, time, sky, look.road, plain=plain))
    if look.road == "city" and not plain and rng.random() < PEOPLE_TWINS:
        actors = casting.deserted_or_peopled(scene.actors, rng)
    else:
        actors = casting.exchanged(list(scene.actors), rng, plain=plain)
    return replace(scene, actors=tuple(actors) if plain else _seen(actors, scene))


def rebuilt(scene: Scene, rng: random.Random) -> Scene:
    """The same place, light and traffic with another kind of road.

    What stands beside the road stays where it can, so that only the road's cut tells the two apart.
    """
    road = rng.choice([other for other in ROADS if other != scene.look.road])
    kept = road == "highway" or "city" not in (road, scene.look.road)
    return relaid(scene, road, rng, kept=0.6 if kept else 0.0)


def relaid(scene: Scene, road: str, rng: random.Random, *, kept: float) -> Scene:
    """The scene with that kind of road; `kept` is how often what stands beside it stays."""
    if rng.random() < kept:
        odd = "block" if road == "highway" else "gantry"
        props = [p for p in scene.props if p.kind != odd]
    else:
        props = wayside.vary_props(roadside.random_props(rng, road, plain=False), road, rng)
    camera = wayside.vary_camera(scene.camera, road, rng)
    cut = wayside.random_wayside(rng, road)
    laid = replace(
        scene, look=replace(scene.look, road=road), camera=camera, wayside=cut,
        props=tuple(wayside.set_back(props, cut, road)),
        crosswalk_s=None if road == "highway" else scene.crosswalk_s,
    )  # fmt: skip
    actors = casting.moving_on(scene.actors, rng) if road == "highway" else scene.actors
    return replace(laid, actors=_seen(actors, laid))


def bypasses(rng: random.Random) -> Pair:
    """A street or country road, mostly a street by day, and the same place with a highway through it.

    Houses stay close on one side at most: a canyon is a street, whatever runs along its kerbs.
    """
    while True:
        first = random_scene(rng, plain=False)
        look = first.look
        usual = look.weather not in ("snow", "fog") and (look.time, look.road) == ("day", "city")
        if look.road != "highway" and (usual or rng.random() < 0.4):
            second = relaid(first, "highway", rng, kept=0.75)
            return first, _with_oncoming(_opened(second, rng), rng)


PAIRS: dict[str, Callable[[random.Random], Pair]] = {
    "twins": twins, "passers-by": passers_by, "bypasses": bypasses
}  # fmt: skip


def _opened(scene: Scene, rng: random.Random) -> Scene:
    side, away = rng.choice((-1, 1)), rng.uniform(1.3, 2.0)
    far = [replace(p, u=p.u * away) if p.u * side > 0 else p for p in scene.props]
    gone = [p for p in scene.props if p.kind != "building" or p.u * side < 0]
    return replace(scene, props=tuple(gone if rng.random() < 0.7 else far))


def _with_oncoming(scene: Scene, rng: random.Random) -> Scene:
    barriers = scene.wayside.barriers if scene.wayside else ()
    actors = (*scene.actors, *casting.oncoming(rng, barriers, scene.camera.lane))
    return replace(scene, actors=_seen(actors, scene))


def _street_by_day(rng: random.Random) -> Scene:
    """A realistic one, mostly in clear weather or rain."""
    while True:
        scene = random_scene(rng, plain=False)
        rare = scene.look.weather in ("snow", "fog") and rng.random() < 0.7
        if (scene.look.road, scene.look.time) == ("city", "day") and not rare:
            return scene


def _seen(actors: Iterable[Actor], scene: Scene) -> tuple[Actor, ...]:
    return tuple(casting.in_sight(list(actors), scene.camera))
