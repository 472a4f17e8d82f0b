"""Train the bundled model from nothing: `python -m gpu_endpoint.training.run` (about an hour on one core).

Renders scenes, writes captions, trains, exports to gpu_endpoint/models/weights and rewrites the config.
"""

from __future__ import annotations

import argparse

from gpu_endpoint.models.minilm import SentenceEncoder, load_sentence_encoder
from gpu_endpoint.training import export
from gpu_endpoint.training.bundled import HEAD_FILE, IMAGE_FILE, WEIGHTS, embed_pictures_of
from gpu_endpoint.training.captionset import CaptionSet, write_captions
from gpu_endpoint.training.dataset import SceneSet, cached_set
from gpu_endpoint.training.evaluate import BUILD
from gpu_endpoint.training.head import Head, blend, calibrate, fit_head, save_head
from gpu_endpoint.training.train import Plan, Trained, Trainer, load

SCENES, SCENE_SEED = 32000, 1
CAPTIONS, CAPTION_SEED = 60000, 5
CALIBRATION = 256  # scenes that set the int8 scales


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
    encoder = load_sentence_encoder(BUILD, precision="float32")
    captions = write_captions(
        scenes.facts, encoder, count=options.captions, seed=CAPTION_SEED, cache=BUILD / "captions.npy"
    )
    checkpoint = BUILD / "checkpoint.pt"
    if not options.export_only:
        Trainer(scenes.pictures, captions, Plan(steps=options.steps, threads=options.threads)).run(checkpoint)
    publish(load(checkpoint), scenes, captions, encoder)


def publish(trained: Trained, scenes: SceneSet, captions: CaptionSet, encoder: SentenceEncoder) -> None:
    """Export the tower, fit the head to its vectors, write the config."""
    float_image = BUILD / "image.float32.onnx"
    export.export_float(trained, float_image)
    export.export_int8(float_image, WEIGHTS / IMAGE_FILE, scenes.pictures[:CALIBRATION])
    images = embed_pictures_of(WEIGHTS / IMAGE_FILE, scenes.pictures)
    linear = trained.head.linear
    beside = Head(linear.weight.detach().numpy(), linear.bias.detach().numpy())
    head = blend(beside, fit_head(images, captions, encoder), captions.sentences[:3000])
    scale, bias = calibrate(head, images, captions)
    save_head(head, WEIGHTS / HEAD_FILE, scale=scale, bias=bias)
    export.write_config()


if __name__ == "__main__":
    main()
