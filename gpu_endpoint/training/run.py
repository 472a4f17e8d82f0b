"""Train the bundled model from nothing: `python -m gpu_endpoint.training.run` (about an hour on one core).

Renders scenes, writes captions, trains, exports to gpu_endpoint/models/weights and rewrites the config.
"""

from __future__ import annotations

import argparse

from gpu_endpoint.models.minilm import load_sentence_encoder
from gpu_endpoint.training import export
from gpu_endpoint.training.bundled import HEAD_FILE, IMAGE_FILE, WEIGHTS
from gpu_endpoint.training.captionset import write_captions
from gpu_endpoint.training.dataset import cached_set
from gpu_endpoint.training.evaluate import BUILD
from gpu_endpoint.training.train import Plan, Trainer, load

SCENES, SCENE_SEED = 32000, 1
CAPTIONS, CAPTION_SEED = 60000, 5
CALIBRATION = 512  # scenes that set the int8 scales


def main() -> None:
    """All steps."""
    defaults = Plan()
    parser = argparse.ArgumentParser(description="Train and export the bundled model.")
    parser.add_argument("--steps", type=int, default=defaults.steps)
    parser.add_argument("--scenes", type=int, default=SCENES)
    parser.add_argument("--captions", type=int, default=CAPTIONS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1, help="that render")
    parser.add_argument("--export-only", action="store_true", help="of the last checkpoint")
    options = parser.parse_args()
    scenes = cached_set(BUILD, options.scenes, SCENE_SEED, processes=options.processes)
    checkpoint = BUILD / "checkpoint.pt"
    if not options.export_only:
        captions = write_captions(
            scenes.facts,
            load_sentence_encoder(BUILD, precision="float32"),
            count=options.captions,
            seed=CAPTION_SEED,
            cache=BUILD / "captions.npy",
        )
        Trainer(scenes.pictures, captions, Plan(steps=options.steps, threads=options.threads)).run(checkpoint)
    trained = load(checkpoint)
    float_image = BUILD / "image.float32.onnx"
    export.export_float(trained, float_image)
    export.export_int8(float_image, WEIGHTS / IMAGE_FILE, scenes.pictures[:CALIBRATION])
    export.export_head(trained, WEIGHTS / HEAD_FILE)
    export.write_config()


if __name__ == "__main__":
    main()
