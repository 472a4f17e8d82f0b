"""What benchmarks.retrieval asks, with the facts of rendered drives that answer it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sightline.scenarios.schemas import SearchRequest

TOP = 10


@dataclass(frozen=True)
class Prompt:
    """A question, and the facts that answer it: all of `facts`, none of `never`; then, step by step."""

    kind: str
    text: str
    facts: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    without: tuple[str, ...] = ()
    then: tuple[tuple[str, frozenset[str]], ...] = ()
    within_s: float = 5.0

    def request(self, moments: Mapping[str, float]) -> SearchRequest:
        """As a person would ask it, with these rules for moments."""
        then = [{"text": text, "within_s": self.within_s} for text, _ in self.then]
        body: dict[str, Any] = {"text": self.text, "then": then, "not": list(self.without), "limit": TOP}
        return SearchRequest.model_validate(body | {"moments": moments})


def _of(kind: str, **facts: str) -> list[Prompt]:
    return [
        Prompt(kind, text.replace("_", " "), frozenset(wanted.split("+"))) for text, wanted in facts.items()
    ]


def _after(text: str, facts: str, then: str, later: str, within_s: float = 5.0) -> Prompt:
    steps = ((then, frozenset(later.split("+"))),)
    return Prompt("sequence", text, frozenset(facts.split("+")), then=steps, within_s=within_s)


PROMPTS = [
    *_of(
        "single",
        a_truck="truck", nighttime="time:night", rain="weather:rain", falling_snow="weather:snow",
        fog="weather:fog", a_bus="bus", a_cyclist="cyclist", a_deer="deer", traffic_cones="cone",
        a_motorcycle="motorcycle", an_ambulance="ambulance", a_stop_sign="stop", a_crosswalk="crosswalk",
        a_red_car="red car", a_pedestrian="pedestrian", dusk="time:dusk", a_red_traffic_light="red light",
    ),
    *_of(
        "composition",
        a_truck_at_night="truck+time:night", a_pedestrian_crossing_at_night="ped crossing+time:night",
        a_highway_in_fog="weather:fog+road:highway", rain_in_the_city="weather:rain+road:city",
        a_snowy_country_road="weather:snow+road:rural", a_deer_on_a_country_road="deer+road:rural",
        a_bus_in_the_city="bus+road:city", a_cyclist_on_the_right="cyclist@right",
        a_truck_on_the_highway="truck+road:highway", a_bus_in_the_rain="bus+weather:rain",
        a_motorcycle_ahead="motorcycle@ahead", an_empty_road_at_night="empty+time:night",
        traffic_cones_on_the_highway="cone+road:highway", a_cyclist_in_the_city="cyclist+road:city",
    ),
    *_of("count", two_trucks="truck>=2", two_pedestrians="pedestrian>=2", two_cars="car>=2"),
    Prompt("negative", "nighttime", frozenset({"time:night"}), frozenset({"weather:rain"}), ("rain",)),
    Prompt("negative", "a city street", frozenset({"road:city"}), frozenset({"time:night"}), ("at night",)),
    Prompt("negative", "a highway", frozenset({"road:highway"}), frozenset({"weather:fog"}), ("fog",)),
    Prompt("negative", "a country road", frozenset({"road:rural"}), frozenset({"deer"}), ("a deer",)),
    _after("a pedestrian at the kerb", "pedestrian@right", "a pedestrian in the road", "pedestrian@ahead"),
    _after("a truck", "truck", "a bus", "bus", 10.0),
    _after("a city street", "road:city", "a highway", "road:highway"),
    _after("daytime", "time:day", "nighttime", "time:night"),
    _after("a deer", "deer", "a pedestrian", "pedestrian", 10.0),
    _after("a cyclist", "cyclist", "a red car", "red car", 10.0),
]  # fmt: skip
NOWHERE = [
    Prompt("nowhere", text)
    for text in (
        "a submarine", "a dog eating pizza", "an airplane taking off", "a wedding party", "a steam train",
        "a spreadsheet", "a horse-drawn carriage", "a piano recital", "a road tunnel", "a tower crane",
        "a flooded underpass", "a combine harvester", "a circus elephant", "an underground car park",
        "children on scooters", "a rescue helicopter", "a harbour at sunset", "a street market",
    )
]  # fmt: skip
