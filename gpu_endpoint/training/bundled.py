"""The bundled model as training and evaluation use it: pictures and texts to vectors, without torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from safetensors.numpy import load_file

from gpu_endpoint.models.minilm import SentenceEncoder
from gpu_endpoint.models.sessions import open_session
from gpu_endpoint.training.dataset import Pictures
from gpu_endpoint.training.palette import Floats

MODEL_ID = "scenes-rn-128e"
MODELS = Path(__file__).parents[1] / "models"
WEIGHTS = MODELS / "weights"
BUILD = Path(__file__).parents[2] / "build" / "training"  # what training makes on its way
CONFIG = MODELS / "configs" / f"{MODEL_ID}.json"
IMAGE_FILE, HEAD_FILE = f"{MODEL_ID}.int8.onnx", f"{MODEL_ID}.head.safetensors"
BATCH = 32
MEAN = (0.48145466, 0.4578275, 0.40821073)  # open_clip's OPENAI_DATASET_MEAN and _STD
STD = (0.26862954, 0.26130258, 0.27577711)


class SceneModel:
    """An exported image tower with its text head."""

    def __init__(self, image: Path, head: Path, encoder: SentenceEncoder, *, threads: int = 1) -> None:
        self._session = open_session(image, threads=threads)
        weights = load_file(head)
        self._weight, self._bias = weights["weight"], weights["bias"]
        self._encoder = encoder

    def embed_pictures(self, pictures: Pictures) -> Floats:
        """Shapes: (n, SIZE, SIZE, 3) bytes -> (n, 256), rows of length 1."""
        return run_tower(self._session, pictures)

    def embed_texts(self, texts: list[str]) -> Floats:
        """Shapes: n texts -> (n, 256), rows of length 1."""
        return unit(self._encoder(texts) @ self._weight.T + self._bias)


def embed_pictures_of(image: Path, pictures: Pictures) -> Floats:
    """What an exported tower says of the pictures; shapes as SceneModel.embed_pictures."""
    return run_tower(open_session(image, threads=1), pictures)


def run_tower(session: onnxruntime.InferenceSession, pictures: Pictures) -> Floats:
    """In batches, so that memory stays small."""
    name = session.get_inputs()[0].name
    starts = range(0, len(pictures), BATCH)
    return unit(
        np.concatenate([session.run(None, {name: model_input(pictures[i : i + BATCH])})[0] for i in starts])
    )


def model_input(pictures: Pictures) -> Floats:
    """Shapes: (n, SIZE, SIZE, 3) bytes -> (n, 3, SIZE, SIZE) normalised."""
    floats = (pictures.astype(np.float32) / 255 - np.array(MEAN, np.float32)) / np.array(STD, np.float32)
    return np.ascontiguousarray(floats.transpose(0, 3, 1, 2))


def unit(vectors: Floats) -> Floats:
    """Rows scaled to length 1."""
    scaled: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return scaled
