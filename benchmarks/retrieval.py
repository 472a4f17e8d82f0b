"""What a search finds, and whether it knows when nothing is there: `python -m benchmarks.retrieval`.

Rendered drives of known timelines (benchmarks/timelines.py), each a workspace of its own, searched by the
code that answers POST /v1/search, on Postgres. Every prompt has drives that show it and drives that do not.
Runs with the bundled model, or with the one of a running endpoint (--endpoint, --model).
"""

import argparse
import io
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks import crowd
from benchmarks.plain import SIDE as SMALL
from benchmarks.plain import load_model
from benchmarks.report import BUILD, machine, table
from benchmarks.timelines import SIDE, Timeline, timeline
from gpu_endpoint.training.bundled import MODEL_ID, SceneModel
from local_cloud.database import prepare_database
from local_cloud.postgres import EmbeddedPostgres
from sightline.contracts.inference import SheetLayout
from sightline.database import transaction
from sightline.migrations import migrate
from sightline.ports import Embedder, Embedding, SignedRequest
from sightline.principal import Principal
from sightline.providers.sagemaker import SageMakerEmbedder
from sightline.scenarios.answers import MomentAnswer, SearchAnswer
from sightline.scenarios.pipeline import Providers, search
from sightline.scenarios.schemas import SearchRequest
from sightline.settings import get_settings
from sightline.vectors.store import ensure_space, replace_sheet_points

DRIVES = range(101, 109)  # 1 to 12 are what the verdict was tuned on
TILES, COLUMNS, TOP = 64, 8, 10
# A stretch shorter than this is an edge: the thing is seen coming or going.
MIN_STRETCH_S = 2.0
Stretch = tuple[float, float]


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


@dataclass
class Figures:
    """What was measured of one kind of prompt."""

    shown: int = 0
    absent: int = 0
    precision: list[float] = field(default_factory=list)
    recall: list[float] = field(default_factory=list)
    average: list[float] = field(default_factory=list)
    start_off_s: list[float] = field(default_factory=list)
    peak_inside: list[float] = field(default_factory=list)
    detected: int = 0
    alarms: int = 0
    high: int = 0


class LocalModel:
    """The bundled model in this process, as an Embedder."""

    def __init__(self, model: SceneModel) -> None:
        self._model = model

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        return self._as_embedding(self._model.embed_texts(list(texts)))

    def embed_pictures(self, pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        small = [Image.fromarray(one).resize((SMALL, SMALL), Image.Resampling.BICUBIC) for one in pictures]
        return np.asarray(
            self._model.embed_pictures(np.stack([np.asarray(one) for one in small])), np.float32
        )

    def embed_images(self, images: Sequence[str]) -> Embedding:
        raise NotImplementedError("no prompt here is a picture")

    def embed_sheet(self, jpeg: bytes, layout: SheetLayout) -> Embedding:
        raise NotImplementedError("pictures are embedded as they are")

    def _as_embedding(self, vectors: NDArray[np.floating[Any]]) -> Embedding:
        return Embedding(MODEL_ID, "bundled", vectors.shape[1], vectors)


class NoBlobs:
    """Nobody looks at the sheets."""

    def presign_get(self, key: str, *, expires_s: int, download_name: str = "") -> SignedRequest:
        return SignedRequest(f"{key}?{expires_s}{download_name}", {}, "")


def embedded(drive: Timeline, embedder: Any) -> NDArray[np.float32]:
    """Shapes: (frames, dim)."""
    if isinstance(embedder, LocalModel):
        return embedder.embed_pictures(drive.pictures)
    parts = []
    for start in range(0, len(drive.pictures), TILES):
        tiles = drive.pictures[start : start + TILES]
        rows = -(-len(tiles) // COLUMNS)
        sheet = np.zeros((rows * SIDE, COLUMNS * SIDE, 3), np.uint8)
        for place, tile in enumerate(tiles):
            row, column = divmod(place, COLUMNS)
            sheet[row * SIDE : (row + 1) * SIDE, column * SIDE : (column + 1) * SIDE] = tile
        file = io.BytesIO()
        Image.fromarray(sheet).save(file, "JPEG", quality=92)
        layout = SheetLayout(columns=COLUMNS, tile_width=SIDE, tile_height=SIDE, tiles=len(tiles))
        parts.append(np.asarray(embedder.embed_sheet(file.getvalue(), layout).vectors, np.float32))
    return np.concatenate(parts)


def new_workspace() -> Principal:
    """As the first sign-in makes it."""
    user_id = uuid4()
    with transaction(user_id=user_id) as conn:
        conn.execute(
            "SELECT app.provision_user(%s, %s, %s)", (user_id, f"{user_id.hex}@example.org", "Bench")
        )
        row = conn.execute("SELECT id FROM app.memberships(%s)", (user_id,)).fetchone()
    assert row is not None
    return Principal(str(user_id), "user", str(row["id"]), "admin")


def index(principal: Principal, drive: Timeline, vectors: NDArray[np.float32], model_id: str) -> None:
    """One indexed video of a frame a second."""
    with transaction(principal.workspace_id) as conn:
        space = ensure_space(conn, model_id=model_id, dim=vectors.shape[1])
        row = conn.execute(
            "INSERT INTO asset (workspace_id, name, content_type, size_bytes, interval_s, status,"
            " upload_deadline, duration_s, run, ready_run)"
            " VALUES (%s, %s, 'video/mp4', 1, 1, 'ready', now(), %s, 1, 1) RETURNING id",
            (principal.workspace_id, drive.name, len(vectors)),
        ).fetchone()
        assert row is not None
        for sheet_no, start in enumerate(range(0, len(vectors), TILES)):
            part, times_s = vectors[start : start + TILES], list(drive.times_s[start : start + TILES])
            conn.execute(
                "INSERT INTO media_sheet (workspace_id, asset_id, run, sheet_no, object_key, columns,"
                " tile_width, tile_height, tiles, times_s) VALUES (%s, %s, 1, %s, %s, 8, 448, 256, %s, %s)",
                (principal.workspace_id, row["id"], sheet_no, f"{sheet_no}", len(part), times_s),
            )
            replace_sheet_points(
                conn, space=space, workspace_id=principal.workspace_id, asset_id=row["id"], run=1,
                sheet_no=sheet_no, times_s=times_s, vectors=part,
            )  # fmt: skip


def stretches(drive: Timeline, wanted: frozenset[str], never: frozenset[str] = frozenset()) -> list[Stretch]:
    """When the facts hold."""
    found: list[list[float]] = []
    for time_s, facts in zip(drive.times_s, drive.facts, strict=True):
        if wanted <= facts and not never & facts:
            if found and time_s - found[-1][1] < 0.5:
                found[-1][1] = time_s + 1
            else:
                found.append([time_s, time_s + 1])
    return [(start, end) for start, end in found if end - start >= MIN_STRETCH_S]


def truth(drive: Timeline, prompt: Prompt) -> list[Stretch]:
    """When it happens: of a sequence, from its first step to its last, within the window."""
    first = stretches(drive, prompt.facts, prompt.never)
    for _, facts in prompt.then:
        later = stretches(drive, facts)
        # The last moment of the one to the first of the other; a stretch may hold both.
        first = [
            (start, min(next_end, end + prompt.within_s))
            for start, end in first
            for next_start, next_end in later
            if next_start < end + prompt.within_s and next_end > start + 1
        ]
    return first if prompt.facts else []


def right(moment: MomentAnswer, drive: Timeline, prompt: Prompt, true: Sequence[Stretch]) -> Stretch | None:
    """The true stretch that a moment is in."""
    if prompt.then:
        times = [step.time_s for step in moment.steps]
        wanted = [prompt.facts, *(facts for _, facts in prompt.then)]
        at = [drive.facts[min(int(time_s), len(drive.facts) - 1)] for time_s in times]
        if not all(facts <= held for facts, held in zip(wanted, at, strict=True)):
            return None
        times = times[:1]
    else:
        times = [moment.peak_s]
    inside = (one for one in true if one[0] - 0.5 <= times[0] < one[1] + 0.5)
    return next(inside, None)


def judge(figures: Figures, answer: SearchAnswer, drive: Timeline, prompt: Prompt) -> None:
    """One answer's part of the figures."""
    true = truth(drive, prompt)
    found = answer.verdict.found
    high = any(moment.relevance >= 0.9 for moment in answer.moments)
    if not true:
        figures.absent += 1
        figures.alarms += found
        figures.high += high
        return
    figures.shown += 1
    figures.detected += found
    hits = [right(moment, drive, prompt, true) for moment in answer.moments[:TOP]]
    wanted = min(TOP, len(true))
    ranks = [rank for rank, hit in enumerate(hits, 1) if hit]
    distinct = len({hit for hit in hits if hit})
    figures.precision.append(sum(hit is not None for hit in hits) / min(TOP, max(len(hits), 1)))
    figures.recall.append(min(1.0, distinct / wanted))
    figures.average.append(
        min(1.0, sum((place + 1) / rank for place, rank in enumerate(ranks)) / max(wanted, len(ranks)))
    )
    for moment, hit in zip(answer.moments, hits, strict=False):
        if hit:
            figures.start_off_s.append(abs(moment.start_s - hit[0]))
            figures.peak_inside.append(hit[0] <= moment.peak_s < hit[1])


@contextmanager
def database() -> Iterator[None]:
    """A Postgres of our own, migrated."""
    with (
        tempfile.TemporaryDirectory() as folder,
        EmbeddedPostgres(Path(folder) / "pg", durable=False) as server,
    ):
        crowd.use(prepare_database(server.url, secrets_path=Path(folder) / "roles.json"))
        migrate()
        yield


def embedder_of(endpoint: str | None, model: str) -> Any:
    """In this process, or the endpoint's."""
    if endpoint is None:
        return LocalModel(load_model(BUILD / "models"))
    os.environ |= {
        "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME": endpoint,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
    }
    return SageMakerEmbedder(endpoint_name="benchmark", model=model)


def measure(
    drives: Sequence[Timeline], embedder: Embedder, model_id: str, moments: Mapping[str, float]
) -> dict[str, Figures]:
    """Every prompt on every drive."""
    figures: dict[str, Figures] = {}
    for drive in drives:
        principal = new_workspace()
        index(principal, drive, embedded(drive, embedder), model_id)
        for prompt in [*PROMPTS, *NOWHERE]:
            answer = search(
                principal,
                prompt.request(moments),
                providers=Providers(embedder),
                blobs=NoBlobs(),  # type: ignore[arg-type]
            )
            judge(figures.setdefault(prompt.kind, Figures()), answer, drive, prompt)
    return figures


def row_of(kind: str, of: Figures) -> list[str]:
    """One line of the table."""

    def mean(values: Sequence[float]) -> str:
        return f"{np.mean(values):.2f}" if values else "-"

    def share(part: int, whole: int) -> str:
        return f"{part / whole:.2f} ({part}/{whole})" if whole else "-"

    off = f"{np.median(of.start_off_s):.1f}" if of.start_off_s else "-"
    return [
        kind, f"{of.shown} / {of.absent}", mean(of.precision), mean(of.recall), mean(of.average), off,
        mean(of.peak_inside), share(of.detected, of.shown), share(of.alarms, of.absent),
        share(of.high, of.absent),
    ]  # fmt: skip


def main() -> None:
    """Renders what is not there yet, searches, prints."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--endpoint", help="a running inference endpoint; the bundled model otherwise")
    parser.add_argument("--model", default=MODEL_ID, help="the model it serves")
    parser.add_argument("--smooth", type=float, help="`moments.smooth_s` of every search, in seconds")
    parser.add_argument("--drives", type=int, nargs="+", default=DRIVES, help="their seeds")
    options = parser.parse_args()
    about = machine()
    os.environ["SIGHTLINE_IMAGE_MODEL"] = options.model
    get_settings.cache_clear()
    drives = [timeline(seed) for seed in options.drives]
    moments = {} if options.smooth is None else {"smooth_s": options.smooth}
    with database():
        figures = measure(drives, embedder_of(options.endpoint, options.model), options.model, moments)
    header = [
        "prompts", "with / without a match", "P@10", "recall@10", "AP", "start off s", "peak inside",
        "said to be found", "false alarms", "one at 0.9 all the same",
    ]  # fmt: skip
    print(f"{about}\n{len(drives)} drives of 600 s, model {options.model}\n")
    print(table(header, [row_of(kind, of) for kind, of in figures.items()]))
    shown, absent = sum(f.shown for f in figures.values()), sum(f.absent for f in figures.values())
    said, alarms = sum(f.detected for f in figures.values()), sum(f.alarms for f in figures.values())
    high = sum(f.high for f in figures.values())
    print(
        f"\n'found': {said} of {shown} with a match, {alarms} of {absent} without;"
        f" right {said / (said + alarms):.2f}"
    )
    print(f"without a match, a moment at 0.9 or more all the same: {high} of {absent}")


if __name__ == "__main__":
    main()
