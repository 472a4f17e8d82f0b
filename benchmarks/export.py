"""1,000 moments of 20 videos as one ZIP: `python -m benchmarks.export`.

Ours is the whole local cloud, as a user drives it: from the request until the archive is ready, its frames
decoded out of object storage into object storage. Plain is one script that has the files on its disk: it
decodes each video from its beginning to its end, writes the wanted frames as JPEGs of the same quality, and
zips them.
Memory is the largest resident set of the process that decodes.
"""

import argparse
import json
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import av

from benchmarks.cloud import Cloud, running_cloud
from benchmarks.footage import video
from benchmarks.report import machine, spread, table, verdict

VIDEOS, MOMENTS, SECONDS, GOP_S = 20, 1000, 60.0, 2.0
MEMORY_BAR_MB = 400
QUALITY = 92


def wanted_times(videos: int, moments: int) -> list[list[float]]:
    """When each video's moments are: anywhere, in order, the same in every run."""
    chance = random.Random(7)
    per_video = [moments // videos + (number < moments % videos) for number in range(videos)]
    return [sorted(round(chance.uniform(0, SECONDS - 0.1), 3) for _ in range(count)) for count in per_video]


def upload(cloud: Cloud, path: Path, videos: int) -> list[str]:
    """The same footage under several ids, sampled seldom: indexing is not measured. Kept for later runs."""
    size = path.stat().st_size
    ready = cloud.sightline.assets(status="ready")
    known = {asset.name: asset for asset in ready if asset.size_bytes == size}
    names = [f"{number}.mp4" for number in range(videos)]
    assets = [known.get(name) or cloud.sightline.upload(path, name=name, interval_s=20.0) for name in names]
    return [cloud.sightline.wait(asset.id, timeout_s=600.0).id for asset in assets]


def export(cloud: Cloud, assets: list[str], times: list[list[float]], *, clips: bool) -> dict[str, Any]:
    """One export; what it took."""
    picked = [
        {"asset_id": asset, "start_s": time_s, "end_s": time_s + 1.0, "peak_s": time_s}
        for asset, wanted in zip(assets, times, strict=True)
        for time_s in wanted
    ]
    request = {"moments": picked, "jpeg_quality": QUALITY} | ({"clips": {}} if clips else {})
    log = cloud.home / "logs" / "write_export.log"
    seen = log.stat().st_size if log.exists() else 0
    began, cpu_s = time.perf_counter(), cloud.cpu_s()
    made = cloud.sightline.exports.wait(cloud.sightline.exports.create(request)["id"])
    took_s, used_s = time.perf_counter() - began, cloud.cpu_s() - cpu_s
    reported = log.read_bytes()[seen:].decode()
    peak_mb = max(int(found) for found in re.findall(r"Max Memory Used: (\d+) MB", reported))
    cloud.sightline.exports.delete(made["id"])
    return {"took_s": took_s, "cpu_s": used_s, "peak_mb": peak_mb, "size_bytes": made["size_bytes"]}


def export_plainly(path: Path, times: list[list[float]]) -> dict[str, Any]:
    """The plain way in a process of its own, so that its memory is its own."""
    with tempfile.TemporaryDirectory() as folder:
        task = {"path": str(path), "times": times, "target": str(Path(folder) / "plain.zip")}
        command = [sys.executable, "-m", "benchmarks.export", "--plain"]
        done = subprocess.run(command, input=json.dumps(task), capture_output=True, text=True, check=True)
        result: dict[str, Any] = json.loads(done.stdout)
        return result


def plainly(task: dict[str, Any]) -> dict[str, Any]:
    """Decodes everything, keeps what is wanted."""
    began = time.perf_counter()
    with zipfile.ZipFile(task["target"], "w", zipfile.ZIP_STORED) as archive:
        for number, wanted in enumerate(task["times"]):
            left = list(wanted)
            with av.open(task["path"]) as container:
                for frame in container.decode(video=0):
                    while left and frame.time is not None and frame.time >= left[0] - 1 / 60:
                        with archive.open(f"{number}_{left.pop(0):.3f}.jpg", "w") as out:
                            frame.to_image().save(out, "JPEG", quality=QUALITY)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {
        "took_s": time.perf_counter() - began,
        "cpu_s": usage.ru_utime + usage.ru_stime,
        "peak_mb": usage.ru_maxrss // 1024,
        "size_bytes": Path(task["target"]).stat().st_size,
    }


def row(name: str, runs: list[dict[str, Any]]) -> list[str]:
    """One line of the table."""
    return [
        name,
        spread([run["took_s"] for run in runs]),
        spread([run["cpu_s"] for run in runs]),
        spread([float(run["peak_mb"]) for run in runs], digits=0),
        f"{runs[0]['size_bytes'] / 1e6:.0f}",
    ]


def main() -> None:
    """Runs both in turns and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--videos", type=int, default=VIDEOS)
    parser.add_argument("--moments", type=int, default=MOMENTS)
    parser.add_argument("--no-clips", action="store_true", help="leave the run with clips out")
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.plain:
        print(json.dumps(plainly(json.load(sys.stdin))))
        return
    about, path = machine(), video(SECONDS, gop_s=GOP_S)
    times = wanted_times(options.videos, options.moments)
    ours, with_clips, plain = [], [], []
    with running_cloud("export") as cloud:
        assets = upload(cloud, path, options.videos)
        for _ in range(options.repeats):
            ours.append(export(cloud, assets, times, clips=False))
            plain.append(export_plainly(path, times))
            print(f"ours {ours[-1]}\nplain {plain[-1]}", file=sys.stderr, flush=True)
        if not options.no_clips:
            with_clips.append(export(cloud, assets, times, clips=True))
    print(f"{about}\n{options.moments} moments of {options.videos} videos of {SECONDS:.0f} s (720p, H.264)\n")
    rows = [
        row("ours, frames", ours),
        row("plain, frames", plain),
        *([row("ours, frames and clips of a second", with_clips)] if with_clips else []),
    ]
    print(table(["way", "seconds", "CPU seconds", "peak MB", "archive MB"], rows))
    peak = max(run["peak_mb"] for run in [*ours, *with_clips])
    print("\n" + verdict(f"peak memory under {MEMORY_BAR_MB} MB", held=peak < MEMORY_BAR_MB))


if __name__ == "__main__":
    main()
