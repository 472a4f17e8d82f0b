"""Cold starts of the API functions: `python -m benchmarks.cold_start`.

Each run is a new interpreter with warm file caches and compiled bytecode, as a Lambda has both in its layer:
how long importing the handler takes, and how long until its first answer after that. Imports are what we can
change; what Lambda adds (starting the runtime, fetching layers) is the same for every Python function.
"""

import argparse
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.cloud import Cloud, running_cloud
from benchmarks.counting import environment_of
from benchmarks.report import machine, spread, table, verdict

ROOT = Path(__file__).resolve().parent.parent
FUNCTIONS = {
    "system_api": "system_api/health",
    "authorizer": "authorizer/unknown_api_key",
    "accounts_api": "accounts_api/create_api_key_as_viewer",
    "media_api": "media_api/list_assets",
    "scenarios_api": "scenarios_api/search",
    "webhooks": "webhooks/datadog_triggered",
    "incidents_api": "incidents_api/create_source",
}
# Every request waits for the authorizer as every sender waits for a webhook: the same budget.
WEBHOOK_CLASS, WEBHOOK_BUDGET_MS = ("authorizer", "webhooks"), 300.0
ANSWERS = """
import json, sys, time
from types import SimpleNamespace
began, began_cpu = time.perf_counter(), time.process_time()
import importlib
handler = importlib.import_module(sys.argv[1]).handler
imported, imported_cpu = time.perf_counter(), time.process_time()
context = SimpleNamespace(function_name="cold", memory_limit_in_mb=1024, aws_request_id="1",
                          invoked_function_arn="arn:aws:lambda:us-east-1:0:function:cold",
                          get_remaining_time_in_millis=lambda: 29000)
answer = handler(json.load(open(sys.argv[2])), context)
answered, answered_cpu = time.perf_counter(), time.process_time()
answer = handler(json.load(open(sys.argv[2])), context)
warm = time.perf_counter()
seconds = [imported - began, imported_cpu - began_cpu, answered - imported, answered_cpu - imported_cpu,
           warm - answered]
print("\\n" + json.dumps({"ms": [1000 * s for s in seconds], "status": answer.get("statusCode", 200)}))
"""


@dataclass(frozen=True)
class Start:
    """Milliseconds: import, its CPU, first answer, its CPU, second answer; and the answer's status."""

    ms: list[float]
    status: int


def event_of(cloud: Cloud, sample: str) -> Path:
    """A sample event; a delivery comes from a source that there is."""
    path = ROOT / "events" / f"{sample}.json"
    event = json.loads(path.read_text())
    if "source_id" not in event.get("pathParameters", {}):
        return path
    platform = event["pathParameters"]["platform"]
    source = cloud.sightline.alerts.add_source({"name": "cold start", "platform": platform})
    event["pathParameters"]["source_id"] = source["id"]
    event["headers"]["x-sightline-secret"] = source["secret"]
    path = cloud.home / f"{platform}.json"
    path.write_text(json.dumps(event))
    return path


def start_cold(name: str, event: Path, environment: dict[str, str]) -> Start:
    """One new interpreter."""
    told = subprocess.run(
        [sys.executable, "-c", ANSWERS, f"functions.{name}.handler", str(event)],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return Start(**json.loads(told.splitlines()[-1]))


def main() -> None:
    """Starts each function in turn, several times round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=7)
    repeats = parser.parse_args().repeats
    about = machine()
    runs: dict[str, list[Start]] = {name: [] for name in FUNCTIONS}
    with running_cloud("indexing") as cloud:
        environment = environment_of(cloud)
        environment.pop("PYTHONDONTWRITEBYTECODE", None)  # or it would compile all it imports at every start
        events = {name: event_of(cloud, sample) for name, sample in FUNCTIONS.items()}
        for number in range(repeats + 1):
            for name, event in events.items():
                timed = start_cold(name, event, environment)
                runs[name] += [timed] if number else []  # the first round compiles and fills the file cache
    print(f"{about}\n{repeats} starts each, in turns\n")
    rows = []
    for name, starts in runs.items():
        columns = [spread([start.ms[i] for start in starts], digits=0) for i in range(5)]
        rows.append([name, FUNCTIONS[name], str(starts[0].status), *columns])
    header = ["import ms", "of it CPU", "first answer ms", "of it CPU", "second ms"]
    print(table(["function", "event", "answer", *header], rows) + "\n")
    for name in WEBHOOK_CLASS:
        middle_ms = median(start.ms[0] + start.ms[2] for start in runs[name])
        claim = f"{name}: import and first answer within {WEBHOOK_BUDGET_MS:g} ms, median {middle_ms:.0f} ms"
        print(verdict(claim, held=middle_ms <= WEBHOOK_BUDGET_MS))


if __name__ == "__main__":
    main()
