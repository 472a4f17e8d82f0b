"""Domain-randomised dashcam scenes together with the facts that are true of them."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gpu_endpoint.training import camera as lens
from gpu_endpoint.training import roadside, scenery, weather
from gpu_endpoint.training.actors import Actor, facts_of, paint_actor, random_variant
from gpu_endpoint.training.camera import Camera, random_camera
from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.look import ROADS, TIMES, WEATHERS, Look, random_look
from gpu_endpoint.training.roadside import Prop

SIZE = 96  # side of the model's square input, px
PLAIN_SHARE = 0.4  # scenes painted flat, without texture and lens

_SHRINKING = (
    Image.Resampling.BOX,
    Image.Resampling.BILINEAR,
    Image.Resampling.BICUBIC,
    Image.Resampling.LANCZOS,
)
_KINDS = (
    ["car"] * 7 + ["truck"] * 2 + ["bus"] * 2 + ["cyclist"] * 3 + ["pedestrian"] * 3 + ["light"] * 3
    + ["stop"] * 2 + ["cone"] * 2 + ["animal"] * 2 + ["motorcycle", "emergency", "warning"]
)  # fmt: skip
_STREET_KINDS = ("pedestrian", "cyclist", "light", "stop")
_LATERAL = {"left": (-1.05, -0.6), "ahead": (-0.18, 0.18), "right": (0.6, 1.05)}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Everything that is needed to paint one picture."""

    look: Look
    camera: Camera
    props: tuple[Prop, ...]
    actors: tuple[Actor, ...]
    crosswalk_s: float | None = None
    travelled_m: float = 0.0

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
    width, height = (144, 144) if plain or rng.random() < 0.15 else (200, 112)
    look = random_look(rng, time, sky, road, plain=plain)
    crosswalk = None
    if road != "highway" and rng.random() < 0.25:
        crosswalk = rng.uniform(0.4, 0.6) if plain else rng.uniform(0.28, 0.62)
    actors = _random_actors(rng, road, crosswalk, plain=plain)
    camera = random_camera(rng, width, height, plain=plain)
    if road == "highway" and not plain:
        camera = replace(camera, road=camera.road * rng.uniform(1, 1.5))
    return Scene(
        look=look, camera=camera, actors=tuple(actors), crosswalk_s=crosswalk,
        props=tuple(roadside.random_props(rng, road, plain=plain)), travelled_m=rng.uniform(0, 3),
    )  # fmt: skip


def _random_actors(rng: random.Random, road: str, crosswalk: float | None, *, plain: bool) -> list[Actor]:
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
        if kind in ("light", "stop", "warning") and any(a.kind == kind for a in actors):
            continue
        if road == "highway" and kind in _STREET_KINDS and rng.random() < 0.6:
            kind = rng.choice(("car", "car", "truck"))
        if kind == "light":
            side = rng.choice(("ahead", "right"))
        if kind in ("stop", "warning"):
            side = "right"
        if any(a.side == side and a.reach == reach for a in actors):
            continue
        actors.append(_random_actor(rng, kind, side, reach, plain=plain))
    if road == "city" and not plain:
        actors += _bystanders(rng)
    return actors


def _random_actor(rng: random.Random, kind: str, side: str, reach: str, *, plain: bool) -> Actor:
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
    if rng.random() < 0.4:
        side = rng.choice((-1, 1))
        for s in (0.14, 0.2, 0.28, 0.4)[: rng.randint(1, 4)]:
            actors.append(
                Actor(kind="car", u=side * rng.uniform(0.85, 1.05), s=s, variant=random_variant(rng, "car"),
                      seed=rng.getrandbits(32))
            )  # fmt: skip
    if rng.random() < 0.3:
        for _ in range(rng.randint(1, 3)):
            u = rng.choice((-1, 1)) * rng.uniform(1.0, 1.4)
            actors.append(Actor(kind="pedestrian", u=u, s=rng.uniform(0.15, 0.45), seed=rng.getrandbits(32)))
    return actors


def paint_world(scene: Scene, backdrop: Image.Image | None = None) -> Canvas:
    """Sky, road, roadside and actors, before light and weather."""
    camera = scene.camera
    if backdrop is None:
        backdrop = paint_backdrop(scene)
    canvas = Canvas(backdrop.copy(), camera, scene.look)
    scenery.paint_road(canvas)
    scenery.paint_markings(canvas, scene.travelled_m)
    if scene.crosswalk_s is not None:
        scenery.paint_crosswalk(canvas, scene.crosswalk_s)
    if scene.look.roughness:
        rough = scenery.roughen(weather.to_floats(canvas.image), canvas, scene.travelled_m)
        canvas = Canvas(weather.to_image(rough), camera, scene.look)
    if scene.look.road == "highway":
        roadside.paint_barriers(canvas)
    for prop in sorted(scene.props, key=lambda p: -p.distance_m):
        roadside.paint_prop(canvas, prop, prop.distance_m - scene.travelled_m)
    weather.street_glow(canvas)
    for actor in sorted(scene.actors, key=lambda a: a.s):
        paint_actor(canvas, actor)
    return canvas


def paint_backdrop(scene: Scene) -> Image.Image:
    """What does not change while driving: sky, ground colour, hills."""
    canvas = Canvas(Image.new("RGB", (scene.camera.width, scene.camera.height)), scene.camera, scene.look)
    scenery.paint_sky(canvas)
    scenery.paint_background(canvas)
    return canvas.image


def paint(
    scene: Scene, rng: random.Random, *, backdrop: Image.Image | None = None, drops_seed: int = 0
) -> Image.Image:
    """The finished picture in the camera's own size; rng drives only what flickers."""
    canvas = paint_world(scene, backdrop)
    picture = weather.headlights(weather.to_floats(canvas.image), canvas)
    picture = weather.glow(picture, canvas, random.Random(scene.look.seed + 9))
    picture = weather.mirror(picture, canvas)
    picture = weather.fog(picture, canvas)
    return weather.precipitation(weather.to_image(picture), canvas, rng, drops_seed or scene.look.seed)


def photograph(scene: Scene, rng: random.Random) -> NDArray[np.uint8]:
    """The picture as the model sees it. Shapes: (SIZE, SIZE, 3)."""
    image = paint(scene, rng)
    if scene.look.plain:
        small = image.resize((SIZE, SIZE), Image.Resampling.LANCZOS)
        picture = weather.to_floats(small) * rng.uniform(0.9, 1.1)
        return weather.to_pixels(lens.sensor_noise(picture, rng, rng.uniform(1, 6)))
    picture = lens.expose(lens.grain(weather.to_floats(image), rng), rng)
    picture = lens.dashboard(picture, rng)
    image = lens.smear(weather.to_image(picture), rng)
    if rng.random() < 0.4:
        image = lens.compress(image, rng)
    picture = weather.to_floats(image.resize((SIZE, SIZE), rng.choice(_SHRINKING)))
    return weather.to_pixels(lens.sensor_noise(picture, rng, rng.uniform(0.3, 4)))


def random_picture(rng: random.Random, *, plain: bool | None = None) -> tuple[NDArray[np.uint8], list[str]]:
    """A picture and its facts."""
    scene = random_scene(rng, plain=plain)
    return photograph(scene, rng), scene.facts
