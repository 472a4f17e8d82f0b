"""Training in small: a few steps learn, and the exported tower answers as the trained one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="needs the torch environment: make test-torch")

from gpu_endpoint.training import export  # noqa: E402
from gpu_endpoint.training.bundled import model_input  # noqa: E402
from gpu_endpoint.training.captionset import CaptionSet, one_hot  # noqa: E402
from gpu_endpoint.training.dataset import SceneSet, render_set  # noqa: E402
from gpu_endpoint.training.train import Plan, Trainer, load  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch on its own TorchScript exporter
    pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning"),  # sizes that become constants
]


@pytest.fixture(scope="module")
def scenes() -> SceneSet:
    return render_set(64, 1)


def captions_of(scenes: SceneSet) -> CaptionSet:
    """One caption per setting; sentences are random but fixed."""
    facts = ["time:day", "time:night", "road:city", "road:rural"]
    sentences = np.random.default_rng(0).normal(size=(4, 384)).astype(np.float32) / 20
    return CaptionSet(
        facts, facts, sentences, one_hot([[f] for f in facts], facts), one_hot(scenes.facts, facts)
    )


def test_a_few_steps_learn_and_the_checkpoint_comes_back(scenes: SceneSet, tmp_path: Path) -> None:
    trainer = Trainer(
        scenes.pictures, captions_of(scenes), Plan(steps=30, batch=32, captions_per_step=4, rate=3e-4)
    )
    first = np.mean([trainer.step(120) for _ in range(3)])
    last = np.mean([trainer.step(120) for _ in range(15)][-3:])
    assert last < first
    trainer.save(tmp_path / "checkpoint.pt")
    restored = load(tmp_path / "checkpoint.pt")
    sentences = torch.from_numpy(captions_of(scenes).sentences)
    assert torch.allclose(restored.head(sentences), trainer.head(sentences))


def test_the_exported_towers_answer_as_the_trained_one(scenes: SceneSet, tmp_path: Path) -> None:
    trainer = Trainer(scenes.pictures, captions_of(scenes), Plan(steps=1, batch=16, captions_per_step=4))
    trainer.save(tmp_path / "checkpoint.pt")
    trained = load(tmp_path / "checkpoint.pt")
    pixels = model_input(scenes.pictures[:4])
    with torch.no_grad():
        expected = torch.nn.functional.normalize(trained.tower(torch.from_numpy(pixels)), dim=-1).numpy()
    export.export_float(trained, tmp_path / "float.onnx")
    export.export_int8(tmp_path / "float.onnx", tmp_path / "int8.onnx", scenes.pictures[:32])
    for name, least in (("float.onnx", 0.9999), ("int8.onnx", 0.97)):
        session = onnxruntime.InferenceSession(str(tmp_path / name), providers=["CPUExecutionProvider"])
        found = session.run(None, {"image": pixels})[0]
        assert (found * expected).sum(1).min() > least
