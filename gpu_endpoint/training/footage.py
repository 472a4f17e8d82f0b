"""Labelled real footage: frames for validation, never for training."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gpu_endpoint.training.dataset import Pictures
from gpu_endpoint.training.photograph import SIZE

STEP_S = 0.5
NEAR_S = 1.0  # a frame's neighbours, where its vector is averaged with theirs
CHOOSING = "tmo324"  # start of the names of the clips that choices were made on
FEWEST = 20  # frames with and without an attribute, under which it is not reported
# Words of the hand-written scene descriptions that say yes, per attribute.
_SAID = {
    "night": ("night",), "rain": ("rain:",), "highway": ("highway",), "rural": ("country road", "desert road")
}  # fmt: skip
# Share of the frame's pixels from which something counts as present (the data's own MANIFEST).
_COLUMNS = {"car": ("Car", 0.05), "pedestrian": ("Pedestrian", 0.01), "cyclist": ("Bicyclist", 0.01)}
QUERIES = {
    "night": "driving at night", "rain": "driving in the rain", "city": "city street", "highway": "highway",
    "rural": "country road", "car": "car", "pedestrian": "pedestrian", "cyclist": "cyclist",
}  # fmt: skip


@dataclass(frozen=True)
class Footage:
    """Frames of all videos, the video of each and, per attribute, 1 present, 0 absent, -1 unknown."""

    pictures: Pictures
    clips: NDArray[np.str_]
    labels: dict[str, NDArray[np.int8]]

    @property
    def apart(self) -> NDArray[np.bool_]:
        """Which frames are of cameras that played no part in choosing renderer, training and head."""
        return ~np.char.startswith(self.clips, CHOOSING)


def read_footage(folder: Path) -> Footage:
    """Frames every STEP_S of the videos that have ground truth."""
    scenes = json.loads((folder / "groundtruth_videos.json").read_text())
    shares = _shares(folder / "groundtruth_camvid.csv")
    pictures: list[NDArray[np.uint8]] = []
    clips: list[str] = []
    labels: dict[str, list[int]] = {name: [] for name in QUERIES}
    for path in sorted((folder / "videos").glob("*.mp4")):
        if path.name not in scenes and path.name not in shares:
            continue
        for time_s, picture in _frames(path):
            known = _label(path.name, time_s, scenes, shares)
            pictures.append(picture)
            clips.append(path.stem)
            for name, values in labels.items():
                values.append(known.get(name, -1))
    return Footage(
        np.stack(pictures), np.array(clips), {name: np.array(v, np.int8) for name, v in labels.items()}
    )


def with_neighbours(vectors: NDArray[np.float32], clips: NDArray[np.str_]) -> NDArray[np.float32]:
    """Each frame's vector averaged with those of the same clip that are at most NEAR_S away; shapes stay."""
    reach, index = round(NEAR_S / STEP_S), np.arange(len(vectors))
    averaged = np.empty_like(vectors)
    for place in index:
        near = (clips == clips[place]) & (abs(index - place) <= reach)
        averaged[place] = vectors[near].mean(0)
    return averaged


def _frames(path: Path) -> list[tuple[float, NDArray[np.uint8]]]:
    frames, due = [], 0.0
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and frame.time >= due - 1e-3:
                image = Image.fromarray(frame.to_ndarray(format="rgb24"))
                image = image.resize((SIZE, SIZE), Image.Resampling.BICUBIC)
                frames.append((frame.time, np.asarray(image)))
                due = frame.time + STEP_S
    return frames


def _shares(path: Path) -> dict[str, dict[float, dict[str, float]]]:
    table: dict[str, dict[float, dict[str, float]]] = {}
    with path.open() as file:
        for row in csv.DictReader(file):
            shares = {column: float(row[column]) for column, _ in _COLUMNS.values()}
            table.setdefault(row["video"], {})[float(row["time_s"])] = shares
    return table


def _label(
    name: str,
    time_s: float,
    scenes: dict[str, dict[str, str]],
    shares: dict[str, dict[float, dict[str, float]]],
) -> dict[str, int]:
    if name in shares:  # CamVid: city streets by day, labelled frame by frame
        row = shares[name].get(round(time_s, 2), {})
        known = {"night": 0, "rain": 0, "highway": 0, "rural": 0, "city": 1}
        return known | {key: int(row[c] > least) for key, (c, least) in _COLUMNS.items() if c in row}
    said = scenes[name]["scene"]
    return {"city": 0} | {key: int(any(word in said for word in words)) for key, words in _SAID.items()}
