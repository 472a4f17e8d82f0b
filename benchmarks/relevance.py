"""What a relevance of 0.9 is worth: `python -m benchmarks.relevance`.

A rendered drive of known content, a frame a second, the bundled model. Questions with matches: how many
frames reach 0.9, and how many of those are right. Questions without any: whether one reaches it all the same.
"""

import argparse
import hashlib
from collections.abc import Sequence

import numpy as np

from benchmarks.plain import SIDE, load_model
from benchmarks.report import BUILD, table
from gpu_endpoint.training import drive
from gpu_endpoint.training.bundled import HEAD_FILE, IMAGE_FILE, WEIGHTS
from sightline.vectors.background import BACKGROUND_SAMPLE
from sightline.vectors.calibration import Background, relevances

SECONDS, SEED = 600.0, 11
RANKED, BAR = 200, 0.9
# Question and the fact of the renderer that makes a frame right.
PRESENT = {
    "a truck ahead": "truck@ahead",
    "night": "time:night",
    "rain": "weather:rain",
    "snow": "weather:snow",
    "a bus": "bus",
    "a cyclist": "cyclist",
    "a deer on the road": "deer",
    "traffic cones": "cone",
    "overhead sign gantry": "gantry",
    "pedestrian crossing the street": "ped crossing",
    "foggy": "weather:fog",
    "city street": "road:city",
}
# Not in this drive; the first four and the last are things the model knows.
ABSENT = (
    "a fire engine",
    "an ambulance",
    "a police car",
    "a motorcycle",
    "a submarine",
    "a dog eating pizza",
    "an airplane landing",
    "a wedding",
    "railway crossing with a train",
    "a spreadsheet",
    "a horse carriage",
    "somebody playing the piano",
    "a tunnel",
    "construction crane",
    "a flooded street",
    "stop sign",
)


def judged(scores: Sequence[float]) -> tuple[list[int], list[float]]:
    """The best frames in order, and the relevance of each, as a search would answer."""
    sample = np.random.default_rng(0).permutation(len(scores))[:BACKGROUND_SAMPLE]
    background = Background.of([scores[i] for i in sample])
    order = [int(i) for i in np.argsort(-np.asarray(scores))[:RANKED]]
    return order, relevances([scores[i] for i in order], background=background, searched=len(scores))


def main() -> None:
    """Renders, asks, prints."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    model = load_model(BUILD / "models")
    shown = list(drive.frames(drive.plan(SECONDS, SEED, 320, 180), 1.0))
    vectors = model.embed_pictures(
        np.stack([np.asarray(image.resize((SIDE, SIDE))) for _, _, image in shown])
    )
    facts = [set(scene.facts) for _, scene, _ in shown]
    rows, right_shares = [], []
    for text, fact in [*PRESENT.items(), *((text, "") for text in ABSENT)]:
        order, shares = judged((vectors @ model.embed_texts([text])[0]).tolist())
        reached = sum(share >= BAR for share in shares)
        right = sum(fact in facts[i] for i in order[:reached])
        known = sum(fact in held for held in facts)
        assert bool(fact) == bool(known), f"{text}: the drive shows it in {known} frames"
        right_shares += [right / reached] if fact and reached else []
        rows.append([text, str(known), f"{shares[0]:.2f}", str(reached), str(right) if fact else "-"])
    weights = hashlib.sha256((WEIGHTS / IMAGE_FILE).read_bytes() + (WEIGHTS / HEAD_FILE).read_bytes())
    print(f"{len(shown)} frames, seed {SEED}; weights {weights.hexdigest()[:12]}\n")
    print(table(["question", "frames that show it", "best relevance", f">= {BAR}", "of them right"], rows))
    quiet = sum(int(row[3]) == 0 for row in rows[len(PRESENT) :])
    print(
        f"\nwith matches: {len(right_shares)} of {len(PRESENT)} have frames at {BAR}; right: median ", end=""
    )
    print(f"{np.median(right_shares):.0%}, worst {min(right_shares):.0%}")
    print(f"without: {quiet} of {len(ABSENT)} have none")


if __name__ == "__main__":
    main()
