"""The light, colours and style in which one scene is painted."""

from __future__ import annotations

import random
from dataclasses import dataclass

from gpu_endpoint.training.palette import Colour, jitter, mix

TIMES = ("day", "dusk", "night")
WEATHERS = ("clear", "rain", "snow", "fog")
ROADS = ("city", "highway", "rural")

_PLAIN_SKY: dict[str, tuple[Colour, Colour]] = {
    "day": ((120, 175, 230), (200, 220, 240)),
    "dusk": ((225, 130, 80), (250, 190, 120)),
    "night": ((12, 14, 34), (28, 30, 56)),
}
_SKY_TOP: dict[str, tuple[Colour, ...]] = {
    "day": ((120, 175, 230), (90, 140, 200), (70, 110, 170), (160, 190, 220), (60, 90, 150)),
    "dusk": ((225, 130, 80), (110, 110, 150), (70, 85, 120), (180, 110, 110), (90, 80, 100)),
    "night": ((12, 14, 34), (3, 3, 4), (8, 8, 10), (22, 18, 14), (30, 24, 18)),
}
_SKY_LOW: dict[str, tuple[Colour, ...]] = {
    "day": ((200, 220, 240), (220, 225, 230), (170, 195, 220)),
    "dusk": ((250, 190, 120), (215, 160, 140), (240, 160, 110), (190, 150, 160)),
    "night": ((28, 30, 56), (10, 10, 12), (34, 28, 22)),
}
_PLAIN_GROUND: dict[str, Colour] = {
    "city": (120, 118, 115), "highway": (110, 125, 80), "rural": (80, 130, 60)
}  # fmt: skip
_GROUND: dict[str, tuple[Colour, ...]] = {
    "city": ((120, 118, 115), (100, 100, 100), (140, 135, 128), (95, 88, 84), (90, 105, 75)),
    "highway": ((110, 125, 80), (165, 145, 100), (95, 105, 65), (130, 125, 110)),
    "rural": ((80, 110, 60), (150, 130, 90), (165, 100, 70), (100, 100, 55), (60, 95, 45)),
}
SNOW: Colour = (232, 236, 242)


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a scene is lit and coloured; `plain` asks for flat shapes without texture."""

    time: str
    weather: str
    road: str
    plain: bool
    light: float  # share of daylight that falls on things
    sky_top: Colour
    sky_low: Colour
    ground: Colour
    asphalt: Colour
    marking: Colour
    roughness: float  # deviation of the ground's texture
    clouds: float  # 0-1
    haze: float  # 0-1, how much distance fades
    wet: float  # 0-1, how much the road mirrors
    seed: int  # of everything in the scene that does not move


def random_look(rng: random.Random, time: str, weather: str, road: str, *, plain: bool) -> Look:
    """A look for the given facts."""
    choose = _plain_look if plain else _rich_look
    return choose(rng, time, weather, road)


def _plain_look(rng: random.Random, time: str, weather: str, road: str) -> Look:
    top, low = _PLAIN_SKY[time]
    if weather != "clear":
        night = time == "night"
        top = mix(top, (25, 26, 32) if night else (120, 122, 126), 0.65)
        low = mix(low, (34, 35, 40) if night else (150, 152, 155), 0.65)
    asphalt = jitter((72, 72, 76), rng, 8)
    if weather in ("rain", "snow"):
        asphalt = mix(asphalt, (50, 55, 70) if weather == "rain" else (200, 204, 210), 0.47)
    return Look(
        time=time, weather=weather, road=road, plain=True,
        light={"day": 1.0, "dusk": rng.uniform(0.62, 0.78), "night": rng.uniform(0.28, 0.38)}[time],
        sky_top=jitter(top, rng, 8), sky_low=jitter(low, rng, 8),
        ground=jitter(SNOW if weather == "snow" else _PLAIN_GROUND[road], rng),
        asphalt=asphalt, marking=(235, 235, 235) if road == "highway" else (235, 215, 90),
        roughness=0.0, clouds=rng.choice((0.0, 0.3)), haze=0.0, wet=0.0, seed=rng.getrandbits(32),
    )  # fmt: skip


def _rich_look(rng: random.Random, time: str, weather: str, road: str) -> Look:
    top, low = rng.choice(_SKY_TOP[time]), rng.choice(_SKY_LOW[time])
    if time == "day" and rng.random() < 0.45:  # overcast
        top = jitter((grey := rng.randint(150, 240), grey, grey + 4), rng, 6)
        low = jitter((grey := rng.randint(170, 248), grey, grey + 2), rng, 6)
    if weather != "clear":
        grey = rng.randint(95, 195)
        veil = {"day": (grey, grey + 3, grey + 8), "dusk": (90, 92, 110), "night": (20, 20, 25)}[time]
        share = rng.uniform(0.5, 1)
        veil = jitter(veil, rng, 5 if time == "night" else 16)
        top, low = mix(top, veil, share), mix(low, veil, share * 0.9)
    ground = jitter(rng.choice(_GROUND[road]), rng)
    grey = rng.randint(50, 135)
    asphalt = jitter((grey, grey, grey + 2), rng, 6)
    if weather == "rain":
        asphalt = mix(asphalt, (50, 55, 70), rng.uniform(0.2, 0.6))
    if weather == "snow":
        ground = mix(ground, SNOW, rng.uniform(0.65, 1))
        asphalt = mix(asphalt, (212, 216, 222), rng.uniform(0.05, 0.7))
    light = {
        "day": rng.uniform(0.68, 1.1), "dusk": rng.uniform(0.28, 0.65), "night": rng.uniform(0.04, 0.3)
    }[time]  # fmt: skip
    yellow = road != "highway" and rng.random() < 0.5
    return Look(
        time=time, weather=weather, road=road, plain=False, light=light, sky_top=top, sky_low=low,
        ground=ground, asphalt=asphalt,
        marking=mix((235, 212, 90) if yellow else (235, 235, 235), asphalt, rng.uniform(0, 0.35)),
        roughness=rng.uniform(0.02, 0.16), clouds=rng.choice((0.0, rng.uniform(0.2, 1))),
        haze=rng.uniform(0, 0.35), wet=rng.uniform(0.2, 0.6) if weather == "rain" else 0.0,
        seed=rng.getrandbits(32),
    )  # fmt: skip
