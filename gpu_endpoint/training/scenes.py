"""Domain-randomised dashcam scenes together with the facts that are true of them."""

from __future__ import annotations

import random
from dataclasses import dataclass

from gpu_endpoint.training import casting, roadside, wayside
from gpu_endpoint.training.actors import Actor, facts_of
from gpu_endpoint.training.camera import Camera, random_camera
from gpu_endpoint.training.look import ROADS, TIMES, WEATHERS, Look, random_look
from gpu_endpoint.training.roadside import Prop
from gpu_endpoint.training.wayside import Wayside

PLAIN_SHARE = 0.4  # scenes painted flat, without texture and lens
_FORMATS = ((256, 144), (256, 144), (256, 160), (240, 180), (192, 192))  # px


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that is needed to paint one picture."""

    look: Look
    camera: Camera
    props: tuple[Prop, ...]
    actors: tuple[Actor, ...]
    crosswalk_s: float | None = None
    travelled_m: float = 0.0
    wayside: Wayside | None = None

    @property
    def facts(self) -> list[str]:
        """What a caption may say about the picture."""
        look = self.look
        facts = {f"time:{look.time}", f"weather:{look.weather}", f"road:{look.road}"} | facts_of(
            list(self.actors)
        )
        if self.crosswalk_s is not None:
            facts.add("crosswalk")
        if any(p.kind == "gantry" and p.distance_m - self.travelled_m > 5 for p in self.props):
            facts.add("gantry")
        if abs(self.camera.curve) > 0.15 * self.camera.width:
            facts |= {"bend", "bend left" if self.camera.curve < 0 else "bend right"}
        return sorted(facts)


def random_scene(rng: random.Random, *, plain: bool | None = None) -> Scene:
    """A scene drawn from the training distribution."""
    plain = rng.random() < PLAIN_SHARE if plain is None else plain
    time = rng.choices(TIMES, (0.45, 0.22, 0.33))[0]
    sky = rng.choices(WEATHERS, (0.42, 0.25, 0.17, 0.16))[0]
    road = rng.choice(ROADS)
    width, height = (192, 192) if plain else rng.choice(_FORMATS)
    look = random_look(rng, time, sky, road, plain=plain)
    crosswalk = None
    if road != "highway" and rng.random() < 0.25:
        crosswalk = rng.uniform(0.4, 0.6) if plain else rng.uniform(0.28, 0.62)
    actors = casting.random_actors(rng, road, crosswalk, plain=plain)
    camera = random_camera(rng, width, height, plain=plain)
    props = roadside.random_props(rng, road, plain=plain)
    cut: Wayside | None = None
    if not plain:
        look, camera = wayside.vary_look(look, rng), wayside.vary_camera(camera, road, rng)
        cut = wayside.random_wayside(rng, road)
        props = wayside.set_back(wayside.vary_props(props, road, rng), cut, road)
        if road == "highway":
            actors += casting.oncoming(rng, cut.barriers, camera.lane)
        actors = casting.in_sight(actors, camera)
    return Scene(
        look=look, camera=camera, actors=tuple(actors), crosswalk_s=crosswalk, wayside=cut,
        props=tuple(props), travelled_m=rng.uniform(0, 3),
    )  # fmt: skip
