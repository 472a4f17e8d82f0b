"""Train the bundled model from nothing: `python -m gpu_endpoint.training.run` (some hours on one core).

Renders scenes, writes captions, trains, exports to gpu_endpoint/models/weights and rewrites the config.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from gpu_endpoint.models.minilm import SentenceEncoder, load_sentence_encoder
from gpu_endpoint.training import export
from gpu_endpoint.training.bundled import BUILD, HEAD_FILE, IMAGE_FILE, WEIGHTS, embed_pictures_of
from gpu_endpoint.training.captionset import CaptionSet, write_captions
from gpu_endpoint.training.dataset import SceneSet, cached_set, joined
from gpu_endpoint.training.head import blend, calibrate, fit_head, save_head
from gpu_endpoint.training.matching import Matching, match_head
from gpu_endpoint.training.ranking import Refinement, refine
from gpu_endpoint.training.train import Plan, Trained, Trainer, load

SCENES, SCENE_SEED = 62000, 1
SHARES = {"twins": 0.55, "bypasses": 0.25, "passers-by": 0.2}  # of kinds of pairs, see pairs.py
CAPTIONS, CAPTION_SEED = 60000, 5
CALIBRATION = 1024  # scenes that set the int8 scales, of every kind of pairs
MATCHED = 2 / 3  # share of the head by the tower's own loss in the blend
STAGES = (Plan(size=96, steps=9000), Plan(steps=6000, rate=1.3e-3, seed=3))  # small pictures first


def main() -> None:
    """All steps."""
    parser = argparse.ArgumentParser(description="Train and export the bundled model.")
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--captions", type=int, default=CAPTIONS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="that render")
    parser.add_argument("--shorter", type=int, default=1, help="divides the steps of every stage")
    parser.add_argument("--compiled", action="store_true", help="twice as fast; needs a C++ compiler")
    parser.add_argument("--export-only", action="store_true", help="of the last checkpoint")
    options = parser.parse_args()
    scenes = joined(
        cached_set(
            BUILD, 2 * round(options.scenes * share / 2), SCENE_SEED, processes=options.processes, pairs=kind
        )
        for kind, share in SHARES.items()
    )
    encoder = load_sentence_encoder(BUILD, precision="float32")
    captions = write_captions(
        scenes.facts, encoder, count=options.captions, seed=CAPTION_SEED, cache=BUILD / "captions.npy"
    )
    checkpoint = BUILD / "checkpoint.pt"
    if not options.export_only:
        train_stages(scenes, captions, checkpoint, options)
    publish(load(checkpoint), scenes, captions, encoder)


def train_stages(
    scenes: SceneSet, captions: CaptionSet, checkpoint: Path, options: argparse.Namespace
) -> None:
    """Every stage starts from what the one before it learned."""
    for number, stage in enumerate(STAGES):
        steps = max(1, stage.steps // options.shorter)
        plan = replace(stage, steps=steps, threads=options.threads, compiled=options.compiled)
        trainer = Trainer(scenes.pictures, captions, plan)
        if number:
            trainer.resume(checkpoint)
        trainer.run(checkpoint)


def publish(trained: Trained, scenes: SceneSet, captions: CaptionSet, encoder: SentenceEncoder) -> None:
    """Export the tower, fit the head to its vectors, write the config."""
    float_image = BUILD / "image.float32.onnx"
    export.export_float(trained, float_image)
    every = max(1, len(scenes.pictures) // CALIBRATION)
    export.export_int8(float_image, WEIGHTS / IMAGE_FILE, scenes.pictures[::every][:CALIBRATION])
    images = embed_pictures_of(WEIGHTS / IMAGE_FILE, scenes.pictures)
    matched = match_head(images, captions, Matching())
    head = blend(matched, fit_head(images, captions, encoder), captions.sentences[:3000], share=MATCHED)
    head = refine(head, images, captions, encoder, Refinement(), roads=matched)
    scale, bias = calibrate(head, images, captions)
    save_head(head, WEIGHTS / HEAD_FILE, scale=scale, bias=bias)
    export.write_config()


if __name__ == "__main__":
    main()
