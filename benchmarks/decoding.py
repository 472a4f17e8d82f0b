"""What indexing cannot do without: decoding the needed frames alone, `python -m benchmarks.decoding`.

The videos of benchmarks.indexing. *Every frame* is what the plain way decodes. *Needed* is what ours does
for one frame a second: from a key frame up to the last wanted one before the next, leaving out frames that
no other refers to. *Unfiltered* is the same without the deblocking filter, which would change every picture
after a key frame: shown as what it would save, not done. One process a core, one thread each, and nothing
but decoding: no scaling, no sheet, no model, no database, no cloud. Nothing built on this decoder ends
sooner than *needed*.
"""

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from benchmarks.indexing import SECONDS, videos
from benchmarks.report import machine, spread, table
from sightline.media.container import open_video
from sightline.media.decode import Sampler
from sightline.media.probe import look_into
from sightline.media.sampling import Chunk, Plan
from sightline.media.steps import plan_of

INTERVAL_S = 1.0
WAYS = ("every frame", "needed", "unfiltered")


def cut(path: Path) -> tuple[Plan, list[Chunk]]:
    """As probe_media plans it."""
    with path.open("rb") as source:
        facts, timeline = look_into(source, content_type="video/mp4", size_bytes=path.stat().st_size)
    plan, chunks, _ = plan_of(facts, timeline, interval_s=INTERVAL_S)
    return plan, chunks


def decode(path: Path, plan: Plan, chunk: Chunk, way: str) -> tuple[int, float]:
    """Frames that came out of one chunk, and the CPU seconds that took."""
    began = time.process_time()
    with path.open("rb") as source, open_video(source) as (container, stream):
        if way == "unfiltered":
            stream.codec_context.options = {"skip_loop_filter": "all"}
        if way != "every frame":
            frames = sum(1 for _ in Sampler(container, stream, plan, chunk, threads=1))
        else:
            stream.codec_context.thread_count = 1
            container.seek(round((chunk.start_s + plan.origin_s) * 1_000_000))
            frames = 0
            for frame in container.decode(stream):
                frames += 1
                if frame.time is not None and frame.time - plan.origin_s >= chunk.end_s:
                    break
    return frames, time.process_time() - began


def run(path: Path, way: str) -> tuple[float, float]:
    """Seconds and CPU seconds of the whole video."""
    plan, chunks = cut(path)
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as workers:
        list(workers.map(abs, range(8)))  # the processes are there
        began = time.perf_counter()
        count = len(chunks)
        used = [s for _, s in workers.map(decode, [path] * count, [plan] * count, chunks, [way] * count)]
        return time.perf_counter() - began, sum(used)


def main() -> None:
    """Each way in turn, prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--gop-s", type=float, action="append", help="only this distance of key frames")
    parser.add_argument("--clips", type=Path, help="real clips (*.mp4) to join")
    options = parser.parse_args()
    about, rows = machine(), []
    for video, path in videos(options.gop_s, options.clips).items():
        seen: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
        for _ in range(options.repeats):
            for way in WAYS:
                seen[way].append(run(path, way))
        for way, took in seen.items():
            rows.append([f"{video}, {way}", *(spread([one[place] for one in took]) for place in (0, 1))])
    print(f"{about}\n{options.repeats} runs each, in turns, {SECONDS:.0f} s of video\n")
    print(table(["decoded", "seconds", "CPU seconds"], rows))


if __name__ == "__main__":
    main()
