"""What a search finds, and whether it knows when nothing is there: `python -m benchmarks.retrieval`.

Rendered drives of known timelines (benchmarks/timelines.py), each a workspace of its own, searched by the
code that answers POST /v1/search, on Postgres. Every prompt has drives that show it and drives that do not.
Runs with the bundled model, or with the one of a running endpoint (--endpoint, --model).
"""

import argparse
import os
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.drive_workspaces import asked, database, embedded, embedder_of, index, new_workspace
from benchmarks.judging import Figures, judge
from benchmarks.prompts import NOWHERE, PROMPTS
from benchmarks.report import machine, table
from benchmarks.timelines import Timeline, timeline
from gpu_endpoint.training.bundled import MODEL_ID
from sightline.ports.inference import Embedder
from sightline.settings import get_settings

DRIVES = range(101, 109)  # 1 to 12 are what the verdict was tuned on


def measure(
    drives: Sequence[Timeline], embedder: Embedder, model_id: str, moments: Mapping[str, float]
) -> dict[str, Figures]:
    """Every prompt on every drive."""
    figures: dict[str, Figures] = {}
    for drive in drives:
        principal = new_workspace()
        index(principal, drive, embedded(drive, embedder), model_id)
        for prompt in [*PROMPTS, *NOWHERE]:
            answer = asked(principal, prompt.request(moments), embedder)
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
