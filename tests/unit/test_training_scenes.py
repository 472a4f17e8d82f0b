"""The renderer: seeds decide everything, and facts say what is in the picture."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gpu_endpoint.training.actors import Actor, facts_of
from gpu_endpoint.training.barriers import Barrier, paint_barrier
from gpu_endpoint.training.camera import Camera, against_light, darken
from gpu_endpoint.training.canvas import Canvas
from gpu_endpoint.training.casting import in_sight
from gpu_endpoint.training.dataset import render_set
from gpu_endpoint.training.look import ROADS, TIMES, WEATHERS
from gpu_endpoint.training.painting import paint_world
from gpu_endpoint.training.pairs import bypasses, passers_by, rebuilt, twin
from gpu_endpoint.training.photograph import SIZE, enlarged, photograph, random_picture
from gpu_endpoint.training.roadmarks import RoadMark, paint_roadmark
from gpu_endpoint.training.scenes import random_scene

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


CAMERA = Camera(width=200, height=100, horizon=40, vanish=100, road=150, scale=40)


def test_who_stands_outside_the_picture_is_moved_in_or_left_out() -> None:
    right = Actor(kind="car", u=1.0, s=0.7)
    (moved,) = in_sight([right], CAMERA)
    assert moved.side == "right"
    assert CAMERA.ground(moved.u, moved.s)[0] <= 0.96 * CAMERA.width
    assert in_sight([replace(right, s=3.0)], CAMERA) == []  # its side begins outside


def test_who_is_behind_a_truck_is_left_out() -> None:
    truck, person = Actor(kind="truck", u=0.0, s=0.6), Actor(kind="pedestrian", u=0.0, s=0.2)
    assert in_sight([person, truck], CAMERA) == [truck]
    assert in_sight([person, replace(truck, u=0.5)], CAMERA) == [replace(truck, u=0.5), person]


def test_a_twin_differs_in_one_thing() -> None:
    rng, roads = random.Random(8), 0
    for _ in range(60):
        first = random_scene(rng)
        second = twin(first, rng)
        if first.look.road != second.look.road:
            roads += 1
            assert replace(first.look, road=second.look.road) == second.look
            continue
        same_actors, same_look = first.actors == second.actors, first.look == second.look
        assert same_actors or same_look
        assert (first.camera, first.props, first.wayside) == (second.camera, second.props, second.wayside)
    assert 5 < roads < 30


def test_a_scene_on_another_road_keeps_its_light_and_nobody_who_was_not_there() -> None:
    rng, kept = random.Random(9), 0
    for _ in range(60):
        first = random_scene(rng, plain=False)
        second = rebuilt(first, rng)
        before, after = set(first.facts), set(second.facts)
        assert {f for f in before if f.startswith(("time:", "weather:"))} < after
        assert f"road:{first.look.road}" not in after
        assert {actor.seed for actor in second.actors} <= {actor.seed for actor in first.actors}
        assert second.look.road == "highway" or "gantry" not in after
        assert second.look.road != "highway" or "crosswalk" not in after
        kept += any(prop in first.props for prop in second.props)
    assert kept > 10


def test_streets_with_people_and_without_are_told_apart() -> None:
    rng, alone = random.Random(12), 0
    for _ in range(40):
        first, second = passers_by(rng)
        assert first.look.road == "city"
        assert first.look.time == "day"
        if (first.look, first.camera, first.props) == (second.look, second.camera, second.props):
            others = [{a.seed for a in s.actors if a.kind != "pedestrian"} for s in (first, second)]
            alone += others[0] == others[1] and ("pedestrian" in first.facts) != (
                "pedestrian" in second.facts
            )
    assert alone > 20


def test_a_bypass_runs_behind_barriers_through_the_same_place() -> None:
    rng, walled = random.Random(13), 0
    for _ in range(40):
        first, second = bypasses(rng)
        assert first.look.road != "highway"
        assert second.look == replace(first.look, road="highway")
        assert second.wayside is not None
        houses = [prop for prop in second.props if prop.kind in ("building", "block")]
        assert all(prop.kind == "building" and abs(prop.u) > 1 for prop in houses)
        for barrier in second.wayside.barriers:
            beside = [prop for prop in houses if prop.u * barrier.u > 0]
            assert all(second.wayside.beyond(prop.u) for prop in beside)
            walled += bool(beside)
    assert walled > 10


@pytest.mark.parametrize("kind", ["concrete", "tall", "rail", "topped", "railing", "wall", "hedge"])
def test_a_barrier_rises_from_its_line_to_its_height(kind: str) -> None:
    look = replace(random_scene(random.Random(1)).look, light=1.0, haze=0.0)
    canvas = Canvas(Image.new("RGB", (CAMERA.width, CAMERA.height)), CAMERA, look)
    paint_barrier(canvas, Barrier(kind=kind, u=1.2, height=0.6, seed=4))
    rows, columns = np.nonzero(np.asarray(canvas.image).max(2))
    assert len(rows) > 30
    assert columns.min() >= CAMERA.vanish
    nearness = (columns - CAMERA.vanish) / (1.2 * CAMERA.road)
    foot = CAMERA.horizon + nearness * (CAMERA.height - CAMERA.horizon)
    assert (rows <= foot + 6).all()
    assert (rows >= foot - 0.6 * nearness * (CAMERA.height - CAMERA.horizon) - 6).all()


def test_a_barrier_hides_what_moves_beyond_it() -> None:
    rng = random.Random(5)
    scene = random_scene(rng, plain=False)
    while scene.look.road != "highway" or scene.look.time != "day" or scene.look.weather != "clear":
        scene = random_scene(rng, plain=False)
    assert scene.wayside is not None
    wall = replace(scene.wayside, barriers=(Barrier(kind="tall", u=1.2, height=3.5),))
    bare = replace(scene, camera=CAMERA, props=(), actors=(), wayside=wall)

    def shown(u: float) -> bool:
        car = Actor(kind="car", u=u, s=0.4, variant="red", view="rear")
        pictures = [np.asarray(paint_world(s).image) for s in (bare, replace(bare, actors=(car,)))]
        return not np.array_equal(*pictures)

    assert shown(0.6)
    assert not shown(1.7)


def test_streets_are_painted_more_than_other_roads() -> None:
    rng = random.Random(2)
    painted: dict[str, list[bool]] = {road: [] for road in ROADS}
    while min(map(len, painted.values())) < 60:
        scene = random_scene(rng, plain=False)
        assert scene.wayside is not None
        painted[scene.look.road].append(bool(scene.wayside.marks))
    share = {road: np.mean(marks) for road, marks in painted.items()}
    assert share["city"] > 2 * max(share["rural"], share["highway"])


@pytest.mark.parametrize(
    "kind", ["arrow", "hatching", "zigzag", "box", "stop line", "letters", "kerb lines", "cycle lane"]
)
def test_every_marking_lies_on_the_road(kind: str) -> None:
    look = replace(random_scene(random.Random(1)).look, asphalt=(0, 0, 0), light=1.0)
    canvas = Canvas(Image.new("RGB", (CAMERA.width, CAMERA.height)), CAMERA, look)
    paint_roadmark(canvas, RoadMark(kind=kind, u=0.1, near=0.8, far=0.3, half=0.2), (255, 255, 255), 1.0)
    rows, columns = np.nonzero(np.asarray(canvas.image).max(2))
    assert len(rows) > 8
    reach = CAMERA.road * (rows - CAMERA.horizon) / (CAMERA.height - CAMERA.horizon)
    assert (np.abs(columns - CAMERA.vanish) <= reach + 3).all()


def test_against_the_light_the_sky_is_white_and_shadows_deepen() -> None:
    picture = np.full((4, 4, 3), 60, np.float32)
    picture[0] = 190
    shown = against_light(picture, 190, random.Random(3))
    assert shown[0].min() >= 254
    assert shown[1:].max() < 0.9 * 60 * 255 / 190


def test_headlights_leave_the_rest_of_the_night_black_and_lamps_alone() -> None:
    picture = np.full((CAMERA.height, CAMERA.width, 3), 60, np.float32)
    picture[10, 20] = 255
    dark = darken(picture, CAMERA, random.Random(4))
    assert dark.shape == picture.shape
    assert (dark[10, 20] == 255).all()
    beside, ahead = dark[70, 2].mean(), dark[70, 100].mean()
    assert beside < 0.5 * 60 < ahead
    assert dark[5, 100].mean() < 0.5 * 60


def test_highways_bend_less_than_country_roads() -> None:
    rng = random.Random(3)
    bends: dict[str, list[float]] = {"highway": [], "rural": []}
    while min(map(len, bends.values())) < 150:
        scene = random_scene(rng, plain=False)
        if scene.look.road in bends:
            bends[scene.look.road].append(abs(scene.camera.curve) / scene.camera.width)
    assert np.mean(bends["highway"]) < 0.5 * np.mean(bends["rural"])


def test_sets_of_twins_hold_scenes_that_differ_little() -> None:
    scenes = render_set(60, 2, pairs="twins")
    differences = [
        len({*first} ^ {*second}) for first, second in zip(scenes.facts[::2], scenes.facts[1::2], strict=True)
    ]
    apart = [len({*first} ^ {*second}) for first, second in zip(scenes.facts, scenes.facts[2:], strict=False)]
    assert 0 < np.mean(differences) < 0.6 * np.mean(apart)


def test_small_pictures_are_enlarged_and_others_kept() -> None:
    small = np.full((96, 96, 3), 77, np.uint8)
    assert enlarged(small).shape == (SIZE, SIZE, 3)
    assert (enlarged(small) == 77).all()
    picture, _ = random_picture(random.Random(1))
    assert enlarged(picture) is picture
