"""Render a drive: a video whose timeline is known. `python -m gpu_endpoint.training.drive OUT.webm`."""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from PIL import Image

from gpu_endpoint.training.actors import Actor
from gpu_endpoint.training.camera import NEAREST_M, Camera
from gpu_endpoint.training.look import random_look
from gpu_endpoint.training.painting import paint, paint_backdrop
from gpu_endpoint.training.roadside import random_props
from gpu_endpoint.training.scenes import Scene
from gpu_endpoint.training.storyboard import EPISODE_S, EPISODES, Cue, Episode

REACH_M = 70.0  # how far ahead the roadside is painted
ACTORS_SEED = 7  # of the actors' looks


@dataclass(frozen=True)
class Stretch:
    """One episode in its place on the timeline."""

    episode: Episode
    start_s: float
    end_s: float
    stage: Scene  # without actors


def plan(seconds: float, seed: int, width: int, height: int) -> list[Stretch]:
    """The episodes in an order that the seed gives (0 keeps the storyboard's)."""
    order, rng = list(EPISODES), random.Random(seed)
    stretches: list[Stretch] = []
    start = 0.0
    while start < seconds - 1e-6:
        index = len(stretches) % len(order)
        if index == 0 and (seed or stretches):
            rng.shuffle(order)
        end = min(seconds, start + EPISODE_S)
        offset = 0 if seed == 0 and len(stretches) < len(order) else rng.getrandbits(16)
        stretches.append(Stretch(order[index], start, end, _stage(order[index], offset, width, height)))
        start = end
    return stretches


def _stage(episode: Episode, offset: int, width: int, height: int) -> Scene:
    rng = random.Random(episode.seed + offset)
    look = random_look(rng, episode.time, episode.weather, episode.road, plain=False)
    look = replace(
        look, haze=min(look.haze, 0.15), light=look.light if episode.light is None else episode.light
    )
    camera = Camera(
        width=width,
        height=height,
        horizon=height * rng.uniform(0.42, 0.5),
        vanish=width * rng.uniform(0.46, 0.54),
        road=width * (0.95 if episode.road == "highway" else 0.72),
        scale=width * 0.2,
        curve=width * episode.curve,
    )
    props = random_props(rng, episode.road, plain=False, reach_m=REACH_M + episode.speed_mps * EPISODE_S)
    return Scene(look=look, camera=camera, props=tuple(props), actors=())


def scene_at(stretch: Stretch, clock_s: float) -> Scene:
    """The scene at a time of the drive."""
    t, episode = clock_s - stretch.start_s, stretch.episode
    travelled = episode.speed_mps * t
    actors = [a for a in (_actor(cue, t, index) for index, cue in enumerate(episode.cues)) if a]
    crosswalk = None
    if episode.crosswalk_m is not None and (away := episode.crosswalk_m - travelled) > NEAREST_M:
        crosswalk = NEAREST_M / away
    props = tuple(p for p in stretch.stage.props if _in_sight(p.distance_m - travelled, p.kind, p.length_m))
    return replace(
        stretch.stage, actors=tuple(actors), crosswalk_s=crosswalk, travelled_m=travelled, props=props
    )


def _in_sight(distance_m: float, kind: str, length_m: float) -> bool:
    return kind == "bank" or (-length_m < distance_m - 2 and distance_m < REACH_M)


def _actor(cue: Cue, t: float, index: int) -> Actor | None:
    distance = cue.distance_m - cue.closing_mps * (t - cue.enters_s)
    if t < cue.enters_s or not NEAREST_M * 0.85 < distance < 45:
        return None
    variant = f"{(t * 1.3 + index * 0.4) % 1:.2f}" if cue.kind == "pedestrian" else cue.variant
    return Actor(
        kind=cue.kind,
        u=cue.u + cue.across_per_s * (t - cue.enters_s),
        s=NEAREST_M / distance,
        variant=variant,
        view=cue.view,
        crossing=cue.crossing,
        count=cue.count,
        seed=ACTORS_SEED + index,
    )


def frames(stretches: list[Stretch], fps: float) -> Iterator[tuple[float, Scene, Image.Image]]:
    """Time, scene and picture of every frame."""
    clock = 0
    for stretch in stretches:
        backdrop = paint_backdrop(stretch.stage)
        while clock / fps < stretch.end_s - 1e-6:
            now = clock / fps
            scene = scene_at(stretch, now)
            flicker = random.Random(f"{stretch.stage.look.seed}/{clock}")
            drops = stretch.stage.look.seed + int(now * 2)
            image = paint(scene, flicker, backdrop=backdrop, drops_seed=drops)
            yield now, scene, _sway(image, now, stretch.episode.speed_mps)
            clock += 1


def _sway(image: Image.Image, now: float, speed_mps: float) -> Image.Image:
    """The mount gives a little: the picture moves by up to one percent."""
    width, height = image.size
    strength = 0.006 * min(1.0, 0.15 + speed_mps / 20)
    dx = width * strength * math.sin(now * 2.1)
    dy = height * strength * (math.sin(now * 5.3) + 0.5 * math.sin(now * 8.9))
    box = (width * 0.012 + dx, height * 0.012 + dy, width * 0.988 + dx, height * 0.988 + dy)
    return image.resize((width, height), Image.Resampling.BILINEAR, box=box)


def render(out: Path, *, seconds: float, seed: int, fps: int, width: int, height: int) -> dict[str, object]:
    """Write the video (VP9 in WebM) and out.json, its timeline; returns the timeline."""
    stretches = plan(seconds, seed, width, height)
    spans: dict[str, list[list[float]]] = {}
    with av.open(str(out), "w", format="webm") as container:
        stream = container.add_stream("libvpx-vp9", rate=fps)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.time_base = Fraction(1, fps)
        stream.gop_size = 2 * fps
        stream.options = {"deadline": "realtime", "cpu-used": "8", "crf": "30", "b": "0"}
        for index, (now, scene, image) in enumerate(frames(stretches, fps)):
            _note(spans, scene.facts, now, 1 / fps)
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            frame.pts = index
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    timeline = _timeline(stretches, spans, seconds=seconds, seed=seed, fps=fps, size=f"{width}x{height}")
    out.with_suffix(".json").write_text(json.dumps(timeline, indent=1) + "\n")
    return timeline


def _note(spans: dict[str, list[list[float]]], facts: list[str], now: float, step: float) -> None:
    """Extend the spans of the facts that hold now."""
    for fact in facts:
        known = spans.setdefault(fact, [])
        if known and now - known[-1][1] < step / 2:
            known[-1][1] = round(now + step, 3)
        else:
            known.append([round(now, 3), round(now + step, 3)])


def _timeline(
    stretches: list[Stretch], spans: dict[str, list[list[float]]], **about: object
) -> dict[str, object]:
    episodes = [
        {"start_s": s.start_s, "end_s": s.end_s, "title": s.episode.title, "time": s.episode.time,
         "weather": s.episode.weather, "road": s.episode.road}
        for s in stretches
    ]  # fmt: skip
    return {**about, "episodes": episodes, "facts": dict(sorted(spans.items()))}


def main(arguments: list[str] | None = None) -> None:
    """Render from the command line."""
    parser = argparse.ArgumentParser(description="Render a drive with a known timeline.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=0, help="0: the storyboard's order")
    parser.add_argument("--fps", type=int, default=6)
    parser.add_argument("--size", default="640x360", help="WIDTHxHEIGHT in px, both even")
    options = parser.parse_args(arguments)
    width, height = (int(part) for part in options.size.split("x"))
    started = time.monotonic()
    render(
        options.out, seconds=options.seconds, seed=options.seed, fps=options.fps, width=width, height=height
    )
    took_s = time.monotonic() - started
    size_mb = options.out.stat().st_size / 1e6
    print(f"{options.out}: {options.seconds:g} s, {size_mb:.1f} MB, rendered in {took_s:.1f} s")


if __name__ == "__main__":
    main()
