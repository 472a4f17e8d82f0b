"""The renderer: seeds decide everything, and facts say what is in the picture."""

from __future__ import annotations

import random

import numpy as np
import pytest

from gpu_endpoint.training.actors import Actor, facts_of
from gpu_endpoint.training.dataset import render_set
from gpu_endpoint.training.look import ROADS, TIMES, WEATHERS
from gpu_endpoint.training.scenes import SIZE, photograph, random_picture, random_scene

pytestmark = pytest.mark.unit


def test_same_seed_gives_the_same_pictures_and_facts() -> None:
    first, second = render_set(6, 3), render_set(6, 3)
    assert np.array_equal(first.pictures, second.pictures)
    assert first.facts == second.facts


def test_other_seeds_give_other_pictures() -> None:
    assert not np.array_equal(render_set(2, 3).pictures, render_set(2, 4).pictures)


@pytest.mark.parametrize("plain", [True, False])
def test_every_picture_has_one_time_one_weather_and_one_road(plain: bool) -> None:
    rng = random.Random(5)
    for _ in range(15):
        picture, facts = random_picture(rng, plain=plain)
        assert picture.shape == (SIZE, SIZE, 3)
        assert picture.dtype == np.uint8
        for kind, values in (("time", TIMES), ("weather", WEATHERS), ("road", ROADS)):
            assert sum(f"{kind}:{value}" in facts for value in values) == 1


def test_night_is_darker_than_day() -> None:
    rng = random.Random(6)
    light: dict[str, list[float]] = {"day": [], "night": []}
    while min(map(len, light.values())) < 8:
        scene = random_scene(rng)
        if scene.look.time in light:
            light[scene.look.time].append(float(photograph(scene, rng).mean()))
    assert np.mean(light["night"]) < 0.6 * np.mean(light["day"])


def test_facts_name_side_reach_colour_and_number() -> None:
    cars = [
        Actor(kind="car", u=-0.8, s=0.5, variant="red"),
        Actor(kind="car", u=0.0, s=0.2, variant="blue"),
    ]
    facts = facts_of(cars)
    assert {"car", "car>=2", "red car", "blue car", "car@left:near", "car@ahead:far"} <= facts
    assert "car>=3" not in facts
    assert "empty" not in facts


def test_a_road_without_anyone_is_empty() -> None:
    assert facts_of([]) == {"empty"}
