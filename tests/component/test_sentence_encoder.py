"""MiniLM as we build it: the published similarities, int8 close to float32, safe to build twice at once."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gpu_endpoint.models.files import ModelFileError, built_once
from gpu_endpoint.models.minilm import SentenceEncoder, build_graph, load_sentence_encoder, packaged_model

pytestmark = pytest.mark.component

# The example on the model's own page, and what it prints there.
PUBLISHED = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
SIMILARITIES = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]

TEXTS = [
    *PUBLISHED,
    "pedestrian crossing at night in the rain",
    "truck",
    "a cyclist overtakes a parked van on a narrow country road shortly before sunset",
    "[FIRING:1] HighMemoryUsage node-3 (instance=10.0.3.7:9100, severity=critical)",
    "ünïcode, 交差点 and 🚦",
    "word " * 2000,
]


@pytest.fixture(scope="module")
def int8(models_home: Path) -> SentenceEncoder:
    return load_sentence_encoder(models_home / "models")


@pytest.fixture(scope="module")
def float32(models_home: Path) -> SentenceEncoder:
    return load_sentence_encoder(models_home / "models", precision="float32")


def test_float32_gives_the_published_similarities(float32: SentenceEncoder) -> None:
    vectors = float32(PUBLISHED)
    assert vectors @ vectors.T == pytest.approx(np.array(SIMILARITIES), abs=1e-4)


def test_int8_stays_close_to_float32(int8: SentenceEncoder, float32: SentenceEncoder) -> None:
    cosines = (int8(TEXTS) * float32(TEXTS)).sum(axis=1)
    assert cosines.min() > 0.995, cosines
    assert int8.revision != float32.revision


def test_a_vector_does_not_depend_on_its_batch(int8: SentenceEncoder) -> None:
    alone = np.concatenate([int8([text]) for text in TEXTS])
    assert (alone * int8(TEXTS)).sum(axis=1).min() > 0.9999


def test_texts_are_cut_at_256_tokens(int8: SentenceEncoder) -> None:
    assert [len(ids) for ids in int8.prepare_texts(["word", "word " * 2000])] == [3, 256]


def test_two_processes_may_build_at_once(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from gpu_endpoint.models.minilm import load_sentence_encoder;"
        "print(load_sentence_encoder(Path(sys.argv[1]))(['a car']).shape)",
        str(tmp_path),
    ]
    builders = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [builder.communicate(timeout=60)[0] for builder in builders] == ["(1, 384)\n"] * 2
    assert [path.suffix for path in tmp_path.iterdir()] == [".onnx"]


def test_an_altered_checkpoint_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    original = packaged_model() / "model.safetensors"
    with original.open("rb") as source:
        (tmp_path / "model.safetensors").write_bytes(source.read(1_000_000))
    target = tmp_path / "models" / "graph.onnx"
    with pytest.raises(ModelFileError, match="altered"):
        built_once(target, lambda draft: build_graph(tmp_path, draft, precision="int8"))
    assert list(target.parent.iterdir()) == []
