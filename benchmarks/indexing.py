"""Indexing a 10-minute 720p H.264 video at 1 frame/s: `python -m benchmarks.indexing`.

Ours is the whole local cloud, as a user drives it: from the end of the upload until the asset is ready,
through events, queue, state machine, functions, endpoint and Postgres. Plain is one process with OpenCV, the
same model and a plain table of the same database. The two take turns, once for each distance of key frames:
cameras write one a second or two, x264 left alone one in 8.3 s. The rendered drive has a sensor's noise,
which makes decoding dear; `--clips FOLDER` takes ten minutes of real clips, encoded by x264 left alone.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import plain
from benchmarks.cloud import Cloud, running_cloud
from benchmarks.footage import joined, video
from benchmarks.report import machine, spread, table, verdict
from gpu_endpoint.training.bundled import SceneModel

SECONDS = 600.0
GOPS_S = (1.0, 2.0, 250 / 30)
REAL_TIME_BAR, PLAIN_BAR = 20.0, 3.0


@dataclass
class Runs:
    """What one way took, run by run."""

    took_s: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    frames: int = 0

    def add(self, frames: int, took_s: float, cpu_s: float) -> None:
        """One more run."""
        self.frames = frames
        self.took_s.append(took_s)
        self.cpu_s.append(cpu_s)

    def row(self, name: str, ratios: list[float]) -> list[str]:
        """One line of the table."""
        speeds = [SECONDS / took_s for took_s in self.took_s]
        return [
            name,
            str(self.frames),
            spread(self.took_s),
            spread(self.cpu_s),
            spread(speeds),
            spread(ratios),
        ]


def index_ours(cloud: Cloud, path: Path, runs: Runs) -> float:
    """From the end of the upload until the asset is ready; answers how long the upload took."""
    began = time.perf_counter()
    asset = cloud.sightline.upload(path)
    uploaded, cpu_s = time.perf_counter(), cloud.cpu_s()
    ready = cloud.sightline.wait(asset.id, timeout_s=600.0)
    ended, used_s = time.perf_counter(), cloud.cpu_s() - cpu_s
    cloud.sightline.delete_asset(asset.id)
    runs.add(ready.progress.done if ready.progress else 0, ended - uploaded, used_s)
    return uploaded - began


def index_plainly(cloud: Cloud, path: Path, runs: Runs, model: SceneModel) -> None:
    """The same video the plain way."""
    cpu_s = time.process_time()
    frames, took_s = plain.index(path, model=model, database_url=cloud.database.owner)
    runs.add(frames, took_s, time.process_time() - cpu_s)


def compare(
    cloud: Cloud, model: SceneModel, *, path: Path, name: str, repeats: int
) -> tuple[list[list[str]], list[str]]:
    """The two ways in turns: their rows, and whether the bars were held in every run."""
    ours, plainly = Runs(), Runs()
    for _ in range(repeats):
        index_ours(cloud, path, ours)
        index_plainly(cloud, path, plainly, model)
        print(f"ours {ours.took_s[-1]:.1f} s, plain {plainly.took_s[-1]:.1f} s", file=sys.stderr, flush=True)
    ratios = [theirs / our for theirs, our in zip(plainly.took_s, ours.took_s, strict=True)]
    full = f"{name}, {path.stat().st_size * 8 / SECONDS / 1e6:.1f} Mbit/s"
    fast, faster = SECONDS / max(ours.took_s) >= REAL_TIME_BAR, min(ratios) >= PLAIN_BAR
    return [ours.row(f"ours, {full}", ratios), plainly.row("plain", [1.0])], [
        verdict(f"{name}: {REAL_TIME_BAR:g}x real time", held=fast),
        verdict(f"{name}: {PLAIN_BAR:g}x the plain way", held=faster),
    ]


def videos(gops_s: Sequence[float] | None, clips: Path | None) -> dict[str, Path]:
    """What is indexed, by name: rendered drives, or real clips, or what was asked for of both."""
    wanted = gops_s or ([] if clips else GOPS_S)
    found = {f"key frame every {gop_s:.1f} s": video(SECONDS, gop_s=gop_s) for gop_s in wanted}
    return found | ({"real clips": joined(clips, SECONDS)} if clips else {})


def main() -> None:
    """Runs both in turns and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--gop-s", type=float, action="append", help="only this distance of key frames")
    parser.add_argument("--clips", type=Path, help="real clips (*.mp4) to join")
    options = parser.parse_args()
    chosen, about, rows, verdicts = videos(options.gop_s, options.clips), machine(), [], []
    with running_cloud("indexing") as cloud:
        model = plain.load_model(cloud.home / "models")
        # The first run starts every function's process.
        upload_s = index_ours(cloud, next(iter(chosen.values())), Runs())
        for name, path in chosen.items():
            lines, said = compare(cloud, model, path=path, name=name, repeats=options.repeats)
            rows += lines
            verdicts += said
    print(f"{about}\n{options.repeats} runs each, in turns; uploading took {upload_s:.1f} s before that\n")
    print(table(["way", "frames", "seconds", "CPU seconds", "x real time", "x plain"], rows))
    print("\n" + "\n".join(verdicts))


if __name__ == "__main__":
    main()
