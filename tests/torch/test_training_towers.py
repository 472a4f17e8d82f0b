"""Training in small: a few steps learn, and the exported tower answers as the trained one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="needs the torch environment: make test-torch")

from gpu_endpoint.training import export  # noqa: E402
from gpu_endpoint.training.bundled import model_input, unit  # noqa: E402
from gpu_endpoint.training.captionset import CaptionSet, one_hot  # noqa: E402
from gpu_endpoint.training.dataset import SceneSet, render_set  # noqa: E402
from gpu_endpoint.training.head import Head, extra_texts  # noqa: E402
from gpu_endpoint.training.matching import Matching, match_head  # noqa: E402
from gpu_endpoint.training.ranking import Refinement, refine  # noqa: E402
from gpu_endpoint.training.towers import MixedNorm, image_tower, resized  # noqa: E402
from gpu_endpoint.training.train import Plan, Trainer, load  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.timeout(1200),  # without bfloat16 in hardware a training step takes ten seconds
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
    averaged = trainer.average["head.linear.weight"]
    assert torch.equal(restored.head.linear.weight, averaged)
    assert torch.allclose(restored.head(sentences), trainer.head(sentences), atol=0.05)  # few steps behind


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


def test_half_of_a_mixed_norm_forgets_contrast_and_the_other_half_keeps_it() -> None:
    norm = MixedNorm(8).eval()
    pictures = torch.randn(2, 8, 6, 6)
    plain, stronger = norm(pictures), norm(pictures * 3 + 1)
    assert torch.allclose(plain[:, :4], stronger[:, :4], atol=1e-3)
    assert (plain[:, 4:] - stronger[:, 4:]).abs().mean() > 0.5


def test_a_tower_of_small_pictures_goes_on_with_larger_ones(scenes: SceneSet, tmp_path: Path) -> None:
    captions = captions_of(scenes)
    small = Trainer(scenes.pictures, captions, Plan(steps=2, size=96, batch=16, captions_per_step=4))
    small.run(tmp_path / "checkpoint.pt")
    large = Trainer(scenes.pictures, captions, Plan(steps=1, batch=16, captions_per_step=4))
    large.resume(tmp_path / "checkpoint.pt")
    kept = load(tmp_path / "checkpoint.pt").tower.state_dict()
    for name, value in large.tower.state_dict().items():
        if name != "attnpool.positional_embedding":
            assert torch.equal(value, kept[name]), name
    assert len(large.tower.attnpool.positional_embedding) == 17
    assert large.step(0) > 0


def test_positions_of_the_same_size_stay() -> None:
    state = image_tower(96).state_dict()
    assert resized(state, 96) is state


def test_the_checkpoint_holds_the_mean_of_the_weights(scenes: SceneSet, tmp_path: Path) -> None:
    trainer = Trainer(scenes.pictures, captions_of(scenes), Plan(steps=20, batch=16, captions_per_step=4))
    start = trainer.head.linear.weight.detach().clone()
    trainer.run(tmp_path / "checkpoint.pt")
    saved, last = load(tmp_path / "checkpoint.pt").head.linear.weight, trainer.head.linear.weight
    assert 0 < (saved - start).norm() < (last - start).norm()


FACTS = ["car", "road:city"]
PHRASES = len(extra_texts(set(FACTS)).texts)


@pytest.fixture(scope="module")
def world() -> tuple[np.ndarray, CaptionSet, Head]:
    """Image vectors that hold each fact in a direction of its own, captions, and a head to which one fact
    drowns the other. Sentences of axis 2 are about neither, and that head takes them for cars."""
    rng = np.random.default_rng(1)
    true = one_hot([[f for k, f in enumerate(FACTS) if i >> k & 1] for i in range(400)], FACTS)
    axes = np.linalg.qr(rng.normal(size=(256, 2)))[0].T
    images = (true @ axes + rng.normal(0, 0.02, (400, 256))).astype(np.float32)
    images /= np.linalg.norm(images, axis=1, keepdims=True)
    words = np.linalg.qr(rng.normal(size=(384, 3)))[0].T.astype(np.float32)
    sentences = np.stack([words[0], words[1], (words[0] + words[1]) / 2**0.5])
    asserted = np.array([[1, 0], [0, 1], [1, 1]], np.float32)
    captions = CaptionSet(FACTS, ["car", "city", "car in the city"], sentences, asserted, true)
    weight = axes.T * [1.0, 0.05] @ words[:2] + axes.T[:, :1] * 0.5 @ words[2:]
    return images, captions, Head(weight.astype(np.float32), np.zeros(256, np.float32))


def share_with_both(head: Head, images: np.ndarray, captions: CaptionSet) -> float:
    vector = head(captions.sentences[2:])[0]
    return float(captions.true[np.argsort(-(images @ vector))[:80]].all(1).mean())


def refined(world: tuple[np.ndarray, CaptionSet, Head], *, absent: np.ndarray, roads: Head) -> Head:
    images, captions, head = world
    plan = Refinement(steps=60, scenes=200, captions=3, phrases=1, rate=5e-3, kept=0.0)

    def encoder(texts: list[str]) -> np.ndarray:
        return np.tile(absent if len(texts) != PHRASES else 0 * absent, (len(texts), 1))

    return refine(head, images, captions, encoder, plan, roads=roads)


def cosine(one: np.ndarray, two: np.ndarray) -> float:
    return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))


def test_the_sigmoid_loss_puts_each_captions_scenes_first(
    world: tuple[np.ndarray, CaptionSet, Head],
) -> None:
    images, captions, _ = world
    head = match_head(images, captions, Matching(steps=200, scenes=200, captions=3, rate=1e-2))
    scores = images @ head(captions.sentences).T
    for column in (0, 1):
        assert captions.true[np.argsort(-scores[:, column])[:150], column].mean() > 0.95


def test_refining_puts_right_scenes_first(world: tuple[np.ndarray, CaptionSet, Head]) -> None:
    images, captions, head = world
    after = refined(world, absent=np.zeros(384, np.float32), roads=head)
    assert share_with_both(after, images, captions) > share_with_both(head, images, captions) + 0.2


def test_refining_holds_words_for_a_road(world: tuple[np.ndarray, CaptionSet, Head]) -> None:
    _, captions, _ = world
    other = np.random.default_rng(2).normal(size=256).astype(np.float32)
    roads = Head(np.outer(other, captions.sentences[1]), np.zeros(256, np.float32))
    after = refined(world, absent=np.zeros(384, np.float32), roads=roads)
    assert cosine(after(captions.sentences[1:2])[0], other) > 0.9
    assert cosine(after(captions.sentences[:1])[0], other) < 0.5


def test_refining_makes_what_no_scene_shows_score_low(world: tuple[np.ndarray, CaptionSet, Head]) -> None:
    images, _, head = world
    absent = np.linalg.lstsq(head.weight, images.mean(0), rcond=None)[0].astype(np.float32)
    absent /= np.linalg.norm(absent)
    after = refined(world, absent=absent, roads=head)
    before = images @ unit(head(absent[None]))[0]
    assert (images @ unit(after(absent[None]))[0]).mean() < before.mean() - 0.3
