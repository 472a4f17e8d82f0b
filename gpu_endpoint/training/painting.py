"""From a scene to its picture, in the camera's own size."""

from __future__ import annotations

import random

from PIL import Image

from gpu_endpoint.training import roadside, roadway, scenery, weather
from gpu_endpoint.training.actors import paint_actor
from gpu_endpoint.training.barriers import paint_barrier
from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.scenes import Scene


def paint_world(scene: Scene, backdrop: Image.Image | None = None) -> Canvas:
    """Sky, road, roadside and actors, before light and weather."""
    camera = scene.camera
    if backdrop is None:
        backdrop = paint_backdrop(scene)
    canvas = Canvas(backdrop.copy(), camera, scene.look)
    roadway.paint_road(canvas, scene.wayside)
    if scene.wayside is None:
        roadway.paint_markings(canvas, scene.travelled_m)
    else:
        roadway.paint_wayside_markings(canvas, scene.wayside, scene.travelled_m)
    if scene.crosswalk_s is not None:
        roadway.paint_crosswalk(canvas, scene.crosswalk_s)
    if scene.look.roughness:
        rough = scenery.roughen(weather.to_floats(canvas.image), canvas, scene.travelled_m)
        canvas = Canvas(weather.to_image(rough), camera, scene.look)
    weather.street_glow(canvas)
    if scene.wayside is None:
        if scene.look.road == "highway":
            roadside.paint_barriers(canvas)
    else:
        _paint_standing(canvas, scene, beyond=True)
        for barrier in scene.wayside.barriers:
            paint_barrier(canvas, barrier)
    _paint_standing(canvas, scene, beyond=False)
    return canvas


def _paint_standing(canvas: Canvas, scene: Scene, *, beyond: bool) -> None:
    """What stands beside the road and who moves on it, beyond the barriers or on this side of them."""

    def here(u: float) -> bool:
        return (scene.wayside is not None and scene.wayside.beyond(u)) == beyond

    for prop in sorted(scene.props, key=lambda p: -p.distance_m):
        if here(prop.u):
            roadside.paint_prop(canvas, prop, prop.distance_m - scene.travelled_m)
    for actor in sorted(scene.actors, key=lambda a: a.s):
        if here(actor.u + scene.camera.lane):
            paint_actor(canvas, actor)


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
