"""What averaging scores over time gives on real footage: `python -m benchmarks.smoothing`.

The labelled clips of ../shared/data/driving, a frame a second as indexing takes them, ranked by words with
each frame's score averaged with its neighbours' as `moments.smooth_s` says. Area under the ROC curve of the
frames: for the clips that a choice may be made on, for those that are only reported, and for all of them.
"""

import argparse
from collections.abc import Iterator
from uuid import UUID, uuid5

import numpy as np
from numpy.typing import NDArray

from benchmarks.concepts import DRIVING
from benchmarks.plain import load_model
from benchmarks.report import BUILD, machine, table
from gpu_endpoint.training.footage import CHOOSING, FEWEST, QUERIES, STEP_S, Footage, read_footage
from gpu_endpoint.training.retrieval import area_under_roc
from sightline.scenarios.rules import smoothed
from sightline.scenarios.schemas import FrameHit

EVERY = round(1 / STEP_S)  # of the labelled frames, so that a second lies between two
SMOOTH_S = (0.0, 1.0, 2.0, 4.0)
NOBODY = UUID(int=0)
CHOSEN_ON = (CHOOSING, "camvid_0016E5")
"""Clips that a choice may look at: those of one camera, and of CamVid one of its two streets."""


def hits_of(scores: NDArray[np.float32], clip: str) -> list[FrameHit]:
    """The frames of one clip as a search finds them."""
    return [
        FrameHit(
            asset_id=uuid5(NOBODY, clip), asset_name=clip, interval_s=1.0, duration_s=None,
            time_s=float(place), score=float(score), ranked=True, tile=0, object_key="", columns=1,
            tile_width=1, tile_height=1,
        )
        for place, score in enumerate(scores)
    ]  # fmt: skip


def averaged(scores: NDArray[np.float32], clips: NDArray[np.str_], smooth_s: float) -> NDArray[np.float32]:
    """Each frame's score after averaging; a typical frame is the median of all."""
    typical = float(np.median(scores))
    found = np.empty(len(scores), np.float32)
    for clip in np.unique(clips):
        of_clip = clips == clip
        found[of_clip] = smoothed(hits_of(scores[of_clip], str(clip)), smooth_s, typical)
    return found


def groups(clips: NDArray[np.str_]) -> dict[str, NDArray[np.bool_]]:
    """Which frames a choice may look at, which not, and all."""
    chosen = np.array([str(clip).startswith(CHOSEN_ON) for clip in clips])
    return {"chosen on": chosen, "held apart": ~chosen, "all": np.ones(len(clips), bool)}


def rows_of(
    real: Footage, vectors: NDArray[np.float32], questions: NDArray[np.float32]
) -> Iterator[list[str]]:
    """One line per attribute and group of clips, where it has enough frames on both sides."""
    clips = real.clips[::EVERY]
    for name, question in zip(QUERIES, questions, strict=True):
        labels = real.labels[name][::EVERY]
        by_reach = [averaged(vectors @ question, clips, reach) for reach in SMOOTH_S]
        for group, members in groups(clips).items():
            known = members & (labels >= 0)
            shown = labels[known] == 1
            if min(shown.sum(), (~shown).sum()) >= FEWEST / EVERY:
                areas = [area_under_roc(scores[known], shown) for scores in by_reach]
                counts = f"{shown.sum()} / {(~shown).sum()}"
                yield [name, group, counts, *(f"{area:.3f}" for area in areas)]


def main() -> None:
    """Embeds, averages, prints."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    if not DRIVING.exists():
        raise SystemExit(f"needs real footage in {DRIVING}")
    model, real = load_model(BUILD / "models"), read_footage(DRIVING)
    vectors = model.embed_pictures(real.pictures[::EVERY])
    questions = model.embed_texts(list(QUERIES.values()))
    print(f"{machine()}\n{len(vectors)} frames, one a second, of {len(set(real.clips))} clips\n")
    reaches = ["as found", *(f"within {reach:g} s" for reach in SMOOTH_S[1:])]
    print(table(["looked for", "clips", "with / without", *reaches], list(rows_of(real, vectors, questions))))


if __name__ == "__main__":
    main()
