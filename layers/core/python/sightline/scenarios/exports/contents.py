"""What an archive says of itself: moments and frames as JSON and CSV, images as COCO has them, a manifest."""

import csv
import json
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO
from uuid import UUID

from sightline.database import Row
from sightline.scenarios.exports.rules import PROBLEMS

HAIR_S = 1e-6
Writer = Callable[[TextIO], None]
_MOMENT = ("rank", "asset_id", "asset_name", "start_s", "end_s", "peak_s", "score", "relevance")
_FRAME = ("file", "asset_id", "asset_name", "time_s", "width", "height", "size_bytes", "sha256")


@dataclass(slots=True)
class Made:
    """The files of an archive, by video and time."""

    videos: Mapping[UUID, Row]
    padding_s: float = 0.0
    starts_s: dict[UUID, list[float]] = field(default_factory=dict)
    frames: dict[UUID, list[dict[str, Any]]] = field(default_factory=dict)
    clips: dict[tuple[UUID, int, int], dict[str, Any]] = field(default_factory=dict)

    def add(self, piece: Row) -> None:
        """Pieces come in order of time."""
        if piece["kind"] == "clip":
            self.clips[(piece["asset_id"], *_span(piece["start_s"], piece["end_s"]))] = _clip(piece)
            return
        self.starts_s.setdefault(piece["asset_id"], []).append(piece["start_s"])
        self.frames.setdefault(piece["asset_id"], []).append(
            {"file": piece["path"], "time_s": piece["shown_start_s"], "problem": piece["problem"]}
        )

    def about(self, moment: Row) -> dict[str, Any]:
        """A moment with the files that show it."""
        starts = self.starts_s.get(moment["asset_id"], [])
        frames = self.frames.get(moment["asset_id"], [])
        peak_s = moment["peak_s"]
        middle_s = (moment["start_s"] + moment["end_s"]) / 2 if peak_s is None else peak_s
        shown = frames[
            bisect_left(starts, moment["start_s"] - HAIR_S) : bisect_right(starts, moment["end_s"] + HAIR_S)
        ]
        best = (
            frames[min(_near(starts, middle_s), key=lambda i: abs(starts[i] - middle_s))] if frames else None
        )
        start_s, end_s = max(0.0, moment["start_s"] - self.padding_s), moment["end_s"] + self.padding_s
        video = self.videos.get(moment["asset_id"])
        return {
            **{name: moment.get(name) for name in _MOMENT},
            "asset_id": str(moment["asset_id"]),
            "asset_name": video["name"] if video else None,
            "best_frame": best["file"] if best else None,
            "frames": [frame["file"] for frame in shown if frame["file"]],
            "clip": self.clips.get((moment["asset_id"], *_span(start_s, end_s))),
            "problems": sorted({PROBLEMS.get(f["problem"], f["problem"]) for f in shown if f["problem"]}),
        }


def _near(starts: list[float], time_s: float) -> range:
    place = bisect_left(starts, time_s)
    return range(max(0, place - 1), min(len(starts), place + 1))


def _span(start_s: float, end_s: float) -> tuple[int, int]:
    return round(start_s * 1000), round(end_s * 1000)


def _clip(piece: Row) -> dict[str, Any]:
    """The real range is what was copied: it begins at a key frame."""
    if piece["path"] is None:
        return {"file": None, "problem": PROBLEMS.get(piece["problem"], piece["problem"])}
    return {"file": piece["path"], "start_s": piece["shown_start_s"], "end_s": piece["shown_end_s"]}


def moments_json(job: Row, moments: Iterable[Row], made: Made) -> Writer:
    """Everything, moment by moment, with the videos they are of."""

    def write(out: TextIO) -> None:
        about = {"id": str(job["id"]), "name": job["name"], "created_at": job["created_at"].isoformat()}
        out.write('{"export": ' + json.dumps(about) + ',\n"videos": {')
        for number, (asset_id, video) in enumerate(made.videos.items()):
            facts = {name: video[name] for name in _VIDEO}
            out.write(
                f"{',' if number else ''}\n{json.dumps(str(asset_id))}: {json.dumps(facts, default=str)}"
            )
        out.write('},\n"moments": [')
        for number, moment in enumerate(moments):
            out.write(f"{',' if number else ''}\n{json.dumps(made.about(moment))}")
        out.write("]}\n")

    return write


_VIDEO = (
    "name",
    "tags",
    "metadata",
    "duration_s",
    "width",
    "height",
    "fps",
    "codec",
    "container",
    "created_at",
)


def moments_csv(moments: Iterable[Row], made: Made) -> Writer:
    """One line per moment."""

    def write(out: TextIO) -> None:
        lines = csv.writer(out)
        lines.writerow([*_MOMENT, "best_frame", "frames", "clip", "clip_start_s", "clip_end_s", "problem",
                        "tags", "metadata"])  # fmt: skip
        for moment in moments:
            about = made.about(moment)
            clip, video = about["clip"] or {}, made.videos.get(moment["asset_id"])
            problems = [*about["problems"], *([clip["problem"]] if "problem" in clip else [])]
            lines.writerow([
                *(about[name] for name in _MOMENT), about["best_frame"], len(about["frames"]),
                clip.get("file"), clip.get("start_s"), clip.get("end_s"), " ".join(problems),
                ";".join(video["tags"]) if video else "", json.dumps(video["metadata"]) if video else "",
            ])  # fmt: skip

    return write


def frames_csv(pieces: Iterable[Row]) -> Writer:
    """One line per picture."""

    def write(out: TextIO) -> None:
        lines = csv.writer(out)
        lines.writerow(_FRAME)
        for piece in _pictures(pieces):
            row = {**piece, "file": piece["path"], "time_s": piece["shown_start_s"]}
            lines.writerow([row[name] for name in _FRAME])

    return write


def labels_json(job: Row, pieces: Iterable[Row]) -> Writer:
    """The pictures as COCO lists them, with no annotations yet: for FiftyOne, CVAT and whoever reads COCO.

    Source: https://cocodataset.org/#format-data
    """

    def write(out: TextIO) -> None:
        info = {"description": job["name"], "year": job["created_at"].year, "version": "1.0"}
        out.write(
            '{"info": ' + json.dumps(info) + ',\n"licenses": [], "categories": [], "annotations": [],\n'
        )
        out.write('"images": [')
        for number, piece in enumerate(_pictures(pieces), 1):
            image = {
                "id": number,
                "file_name": piece["path"].removeprefix("data/"),
                "width": piece["width"],
                "height": piece["height"],
                "asset_id": str(piece["asset_id"]),
                "time_s": piece["shown_start_s"],
            }
            out.write(f"{',' if number > 1 else ''}\n{json.dumps(image)}")
        out.write("]}\n")

    return write


def manifest_json(files: Iterable[Mapping[str, Any]]) -> Writer:
    """Size and SHA-256 of every other file."""

    def write(out: TextIO) -> None:
        out.write('{"algorithm": "sha256",\n"files": [')
        for number, file in enumerate(files):
            entry = {name: file[name] for name in ("path", "size_bytes", "sha256")}
            out.write(f"{',' if number else ''}\n{json.dumps(entry)}")
        out.write("]}\n")

    return write


def _pictures(pieces: Iterable[Row]) -> Iterator[Row]:
    return (piece for piece in pieces if piece["kind"] == "frame" and piece["path"])
