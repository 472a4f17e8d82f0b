"""The episodes of a rendered drive: what the weather is, who comes by, and when."""

from __future__ import annotations

from dataclasses import dataclass

EPISODE_S = 6.0  # seconds that one episode lasts


@dataclass(frozen=True, kw_only=True)
class Cue:
    """An actor's part: where it is when the episode starts and how it moves from there."""

    kind: str
    u: float
    distance_m: float
    closing_mps: float  # how fast it comes nearer; the road's own speed for what stands still
    across_per_s: float = 0.0  # half road widths per second to the right
    variant: str = ""
    view: str = "rear"
    enters_s: float = 0.0
    crossing: bool = False
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Episode:
    """Six seconds of driving through one kind of scene."""

    title: str
    time: str
    weather: str
    road: str
    speed_mps: float
    cues: tuple[Cue, ...] = ()
    crosswalk_m: float | None = None
    curve: float = 0.0  # share of the picture's width
    seed: int = 0
    light: float | None = None


def _crossing(start_u: float, across: float, distance_m: float, enters_s: float = 0.0, count: int = 1) -> Cue:
    return Cue(
        kind="pedestrian",
        u=start_u,
        distance_m=distance_m,
        closing_mps=0.25,
        across_per_s=across,
        enters_s=enters_s,
        crossing=True,
        count=count,
    )


EPISODES: tuple[Episode, ...] = (
    Episode(
        title="a pedestrian crosses a city street by day",
        time="day",
        weather="clear",
        road="city",
        speed_mps=0.25,
        crosswalk_m=9.5,
        seed=4,
        light=1.0,
        cues=(
            _crossing(-0.75, 0.27, 8.6),
            _crossing(0.9, -0.2, 9.3, 1.5),
            Cue(kind="car", u=0.95, distance_m=19, closing_mps=0.25, variant="blue"),
        ),
    ),
    Episode(
        title="a truck ahead on the highway by day",
        time="day",
        weather="clear",
        road="highway",
        speed_mps=24,
        seed=12,
        light=1.0,
        cues=(
            Cue(kind="truck", u=0.0, distance_m=11, closing_mps=0.6),
            Cue(kind="car", u=-0.7, distance_m=34, closing_mps=6, variant="red"),
            Cue(kind="car", u=0.68, distance_m=22, closing_mps=1, variant="white"),
        ),
    ),
    Episode(
        title="a country road in the rain",
        time="day",
        weather="rain",
        road="rural",
        speed_mps=15,
        seed=116,
        light=0.75,
        curve=0.16,
        cues=(
            Cue(
                kind="car", u=-0.62, distance_m=60, closing_mps=16, variant="silver", view="front", enters_s=1
            ),
        ),
    ),
    Episode(
        title="a pedestrian crosses at night in the rain",
        time="night",
        weather="rain",
        road="city",
        speed_mps=0.2,
        crosswalk_m=9.0,
        seed=107,
        light=0.32,
        cues=(
            _crossing(0.75, -0.25, 8.2),
            Cue(kind="light", u=0.85, distance_m=13, closing_mps=0.2, variant="red"),
        ),
    ),
    Episode(
        title="a highway in fog",
        time="day",
        weather="fog",
        road="highway",
        speed_mps=17,
        seed=110,
        light=0.9,
        cues=(Cue(kind="car", u=0.05, distance_m=16, closing_mps=0.8, variant="black"),),
    ),
    Episode(
        title="a cyclist in the city at dusk",
        time="dusk",
        weather="clear",
        road="city",
        speed_mps=6,
        seed=52,
        light=0.6,
        cues=(
            Cue(kind="cyclist", u=0.72, distance_m=13, closing_mps=0.9, view="side"),
            Cue(kind="car", u=-0.65, distance_m=45, closing_mps=9, variant="yellow", view="front"),
        ),
    ),
    Episode(
        title="a deer beside a country road at night",
        time="night",
        weather="clear",
        road="rural",
        speed_mps=3,
        seed=113,
        light=0.36,
        cues=(
            Cue(kind="animal", u=0.75, distance_m=19, closing_mps=2.0, across_per_s=-0.14, variant="deer"),
        ),
    ),
    Episode(
        title="a bus ahead in the city in snow",
        time="day",
        weather="snow",
        road="city",
        speed_mps=7,
        seed=73,
        light=0.85,
        cues=(
            Cue(kind="bus", u=0.02, distance_m=10, closing_mps=0.3),
            Cue(kind="pedestrian", u=-1.15, distance_m=16, closing_mps=6),
        ),
    ),
    Episode(
        title="an empty highway at night",
        time="night",
        weather="clear",
        road="highway",
        speed_mps=26,
        seed=82,
        light=0.16,
    ),
    Episode(
        title="road works on the highway by day",
        time="day",
        weather="clear",
        road="highway",
        speed_mps=9,
        seed=91,
        light=0.95,
        cues=(
            Cue(kind="cone", u=0.7, distance_m=14, closing_mps=9),
            Cue(kind="cone", u=0.66, distance_m=26, closing_mps=9),
            Cue(kind="cone", u=0.62, distance_m=38, closing_mps=9),
            Cue(kind="cone", u=0.6, distance_m=50, closing_mps=9),
            Cue(kind="truck", u=-0.68, distance_m=24, closing_mps=1.5),
        ),
    ),
)
