"""The committed weights: what the config pins, and small enough for the repository."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from safetensors.numpy import load_file

from gpu_endpoint.models.config import read_config
from gpu_endpoint.models.sessions import open_session
from gpu_endpoint.training.bundled import CONFIG, HEAD_FILE, MODEL_ID, WEIGHTS, model_input
from gpu_endpoint.training.dataset import render_set
from gpu_endpoint.training.photograph import SIZE

pytestmark = pytest.mark.unit


def test_the_files_are_the_pinned_ones() -> None:
    config = read_config(MODEL_ID)
    assert set(config.files) == {"image", "text_head"}
    for role in config.files:
        assert config.file(role, CONFIG.parent).is_file()  # checks the digest


def test_the_weights_take_less_than_12_mb() -> None:
    assert sum(f.stat().st_size for f in WEIGHTS.glob(f"{MODEL_ID}.*")) < 12_000_000


def test_the_tower_gives_unit_vectors_whatever_the_batch() -> None:
    config = read_config(MODEL_ID)
    session = open_session(config.file("image", CONFIG.parent), threads=1)
    pixels = model_input(render_set(3, 1).pictures)
    assert pixels.shape[1:] == (3, SIZE, SIZE)
    together = session.run(None, {"image": pixels})[0]
    alone = np.concatenate([session.run(None, {"image": pixels[i : i + 1]})[0] for i in range(3)])
    assert together.shape == (3, config.dim)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1, abs=1e-4)
    assert together == pytest.approx(alone, abs=1e-4)


def test_a_processor_that_adds_bytes_in_16_bits_gives_the_same_vectors() -> None:
    path = read_config(MODEL_ID).file("image", CONFIG.parent)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = (
        onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    )  # float32 arithmetic
    plain = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    pixels = {"image": model_input(render_set(16, 1).pictures)}
    cosines = (open_session(path, threads=1).run(None, pixels)[0] * plain.run(None, pixels)[0]).sum(axis=1)
    assert cosines.mean() > 0.9998


def test_the_head_maps_sentences_into_the_images_space() -> None:
    head = load_file(WEIGHTS / HEAD_FILE)
    assert head["weight"].shape == (256, 384)
    assert head["bias"].shape == (256,)
    assert head["logit_scale"].shape == head["logit_bias"].shape == (1,)
