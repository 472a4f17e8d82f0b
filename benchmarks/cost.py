"""What an hour of video costs, from counted calls, and a stage that nobody uses: `python -m benchmarks.cost`.

Ten minutes of 720p H.264 are indexed twice: by the local cloud, for invocations, memory and transitions, and
by the same steps in this process, where every request that boto3 sends is counted and each step has the
machine to itself, as it has a Lambda's cores to itself. All of it times six is an hour.
"""

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from benchmarks.cloud import Cloud, running_cloud
from benchmarks.counting import READS, Calls, LambdaTime, Used, enter, rows, transitions
from benchmarks.footage import video
from benchmarks.report import BUILD, machine, table
from infra_cdk.idle_cost import idle_lines
from infra_cdk.nested import whole
from infra_cdk.stages import DEV, ServerlessEndpoint

SECONDS = 600.0
# How often a caller asks whether it is done is the caller's affair, and the sweeper runs anyway.
PIPELINE = ("start_pipeline", "probe_media", "extract_frames", "embed_frames", "finish_asset")
PRICES: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("prices.json").read_text())["prices"]


@dataclass
class Recorder:
    """A Pipeline that starts nothing: the steps are taken here."""

    payload: Mapping[str, Any] | None = None

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        self.payload = payload
        return bool(name)

    def status(self, name: str) -> str | None:
        return "RUNNING" if name else None


class Stopwatch:
    """Seconds by name."""

    def __init__(self) -> None:
        self.seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def running(self, name: str) -> Iterator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] += time.perf_counter() - began


@dataclass(frozen=True)
class Counted:
    """What one video took. step_s: seconds of each function's steps, one after the other."""

    lambda_time: dict[str, Used]
    transitions: int
    calls: Calls
    step_s: dict[str, float]
    rows: Mapping[str, int]


def count(cloud: Cloud, path: Path) -> Counted:
    """Indexes the video by the cloud, then once more in this process."""
    logs = LambdaTime(cloud.home / "logs")
    asset = cloud.sightline.upload(path)
    cloud.sightline.wait(asset.id, timeout_s=600.0)
    time.sleep(1.0)  # the last REPORT line is written after the answer
    used = logs.since()
    enter(cloud)
    entered = transitions(cloud, asset.id, used)
    calls = Calls()
    calls.watch()
    step_s = take_steps(cloud, UUID(asset.id))
    left = rows(cloud, asset.id)
    cloud.sightline.delete_asset(asset.id)
    return Counted(used, entered, calls, step_s, left)


def take_steps(cloud: Cloud, asset_id: UUID) -> dict[str, float]:
    """What the state machine has the functions do; answers the seconds that each function's steps took."""
    from sightline import wiring
    from sightline.database import transaction
    from sightline.media import embedding, indexing, steps, store

    with transaction(cloud.workspace_id) as conn:
        row = store.asset(conn, asset_id)
    assert row is not None
    recorder, clock = Recorder(), Stopwatch()
    assert indexing.start_over(row, pipeline=recorder, redrive=False) is not None
    assert recorder.payload is not None
    task: dict[str, Any] = dict(recorder.payload)
    blobs, embedder = wiring.blobs(), wiring.embedder()
    with clock.running("probe_media"):
        batches = steps.probe_media(**task, blobs=blobs)["batches"]
    for chunk in [chunk for batch in batches for chunk in batch["chunks"]]:
        with clock.running("extract_frames"):
            sheets = steps.extract_frames(**task, chunk=chunk, blobs=blobs)["sheets"]
        for sheet in sheets:
            with clock.running("embed_frames"):
                embedding.embed_frames(**task, sheet_no=sheet["sheet_no"], blobs=blobs, embedder=embedder)
    with clock.running("finish_asset"):
        indexing.finish_asset(**task, blobs=blobs, events=wiring.events())
    return dict(clock.seconds)


def upload_requests(path: Path) -> int:
    """Parts of the multipart upload, and its beginning and end."""
    part_bytes = 64 * 1024**2
    return -(-path.stat().st_size // part_bytes) + 2


def lines_of(counted: Counted, path: Path) -> dict[str, float]:
    """Quantities by the name of their price, for the video."""
    pipeline = {name: used for name, used in counted.lambda_time.items() if name in PIPELINE}
    s3 = counted.calls.of("s3")
    reads = sum(n for operation, n in s3.items() if operation in READS)
    writes = sum(s3.values()) - reads + upload_requests(path)
    sent_gb = counted.calls.sent_bytes["sagemaker-runtime.InvokeEndpoint"] / 1e9
    assert isinstance(DEV.endpoint, ServerlessEndpoint)
    return {
        "s3_writes": writes,
        "s3_reads": reads,
        "lambda_requests": sum(used.invocations for used in pipeline.values()),
        "lambda_time": sum(gb_seconds(counted, name) for name in pipeline),
        "transitions": counted.transitions,
        "endpoint_time": counted.step_s["embed_frames"] * DEV.endpoint.memory_mb / 1024,
        "endpoint_data": sent_gb,
        "nat_data": sent_gb,
        "events": counted.calls.of("events").total() + 1,
        "s3_kept": sent_gb + path.stat().st_size / 1e9,
    }


def gb_seconds(counted: Counted, name: str) -> float:
    """A function's memory times its seconds: alone where its steps were taken here, as logged otherwise."""
    used = counted.lambda_time[name]
    return counted.step_s[name] * used.memory_mb / 1024 if name in counted.step_s else used.gb_s


def print_functions(counted: Counted) -> None:
    """The table of what each function did for the video."""
    listed = []
    for name, used in counted.lambda_time.items():
        alone = f"{gb_seconds(counted, name):.1f}"
        listed.append([name, str(used.invocations), str(used.memory_mb), f"{used.gb_s:.1f}", alone])
    print(
        table(["function", "invocations", "MB", "GB-s all at once here", "GB-s one at a time"], listed) + "\n"
    )


def print_hour(quantities: Mapping[str, float]) -> None:
    """The table of an hour of video."""
    scale, listed, total = 3600 / SECONDS, [], 0.0
    for name, quantity in quantities.items():
        price = PRICES[name]
        usd = quantity * scale / price["per"] * price["usd"]
        total += usd if name != "s3_kept" else 0.0
        listed.append([name, f"{quantity * scale:,.2f}", price["unit"], f"{usd:.5f}"])
    print(table(["an hour of video", "quantity", "unit", "USD"], listed))
    print(f"\nindexing an hour: {total:.4f} USD; keeping it: the last line, a month\n")


def print_idle() -> None:
    """The table of each stage's month without use, from its template."""
    out = BUILD / "cdk.out"
    subprocess.run([sys.executable, "-m", "infra_cdk.app", "--out", str(out), "--local"], check=True)
    listed = []
    for path in sorted(out.glob("Sightline-*.template.json")):
        stage = path.name.removeprefix("Sightline-").removesuffix(".template.json")
        lines = idle_lines(whole(path))
        listed += [
            [stage, line.what, f"{line.quantity:g} {line.unit}", f"{line.usd_month:.2f}"] for line in lines
        ]
        listed.append([stage, "a month", "", f"{sum(line.usd_month for line in lines):.2f}"])
    print(table(["stage", "idle", "quantity", "USD a month"], listed))


def main() -> None:
    """Counts, multiplies, prints."""
    about, path = machine(), video(SECONDS)
    with running_cloud("indexing") as cloud:
        counted = count(cloud, path)
    print(f"{about}\n{path.name}: {counted.rows}; S3: {dict(counted.calls.of('s3'))}")
    print(f"endpoint calls: {counted.calls.operations['sagemaker-runtime.InvokeEndpoint']}\n")
    print_functions(counted)
    print_hour(lines_of(counted, path))
    print_idle()


if __name__ == "__main__":
    main()
