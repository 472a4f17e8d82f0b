"""`models pull`: from a file to a model that serves without torch, and nothing changed when it fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch environment: make test-torch")

from safetensors.torch import save_file  # noqa: E402

from gpu_endpoint.bundled import config_of, load_models  # noqa: E402
from gpu_endpoint.lifecycle.goldens import GoldenError  # noqa: E402
from gpu_endpoint.models.clip_tokenizer import ClipTokenizer  # noqa: E402
from gpu_endpoint.models.config import ModelConfig  # noqa: E402
from gpu_endpoint.models.families import Loading, load_model  # noqa: E402
from gpu_endpoint.models.files import ModelFileError, sha256_of  # noqa: E402
from gpu_endpoint.models.open_clip_export import export_images  # noqa: E402
from gpu_endpoint.models.open_clip_import import import_open_clip  # noqa: E402
from gpu_endpoint.models.open_clip_pull import Pull, pull, write_clip_tokenizer  # noqa: E402
from gpu_endpoint.pulling import pull_wanted  # noqa: E402
from gpu_endpoint.settings import EndpointSettings  # noqa: E402
from tests.pictures import frame, sheet  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

NAME = "ViT-S-32-alt/own"
TEXTS = [
    "a red car at a crossing",
    "It's 20 &amp; raining,  heavily!",
    "Zürich -- 世界 🚗",
    "word " * 200,
    "",
]


@pytest.fixture(scope="module")
def network() -> Any:
    torch.manual_seed(0)
    return import_open_clip().create_model("ViT-S-32-alt", load_weights=False).eval()


@pytest.fixture(scope="module")
def checkpoint(network: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "own.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path


def test_an_image_s_build_leaves_nothing_to_be_fetched(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    built = EndpointSettings(home=tmp_path, image_model=NAME, image_model_file=checkpoint)
    pull_wanted(built, tried)
    serving = EndpointSettings(home=tmp_path, image_model=NAME)
    assert config_of(NAME, serving).family == "open_clip_onnx"
    assert NAME in {model.model_id for model in load_models(serving)}
    before = sorted(path.stat().st_mtime_ns for path in built.models.iterdir())
    pull_wanted(serving, tried)
    assert sorted(path.stat().st_mtime_ns for path in built.models.iterdir()) == before, "it is there already"


@pytest.fixture(scope="module")
def home(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the model was pulled to; random weights fail the goldens' meanings, so their form is tried."""
    home = tmp_path_factory.mktemp("home")
    measured = pull(Pull(NAME, home / "models", checkpoint, sha256_of(checkpoint)), tried)
    assert measured["images.torch_cosine"] >= 0.9999
    assert measured["texts.torch_cosine"] >= 0.9999
    assert measured["images.int8_cosine"] > 0.99
    assert measured["checkpoint_sha256"] == sha256_of(checkpoint)
    assert measured["tried"] == 3
    return home


def tried(config: ModelConfig, folder: Path) -> dict[str, float]:
    """The model answers unit vectors before it is registered."""
    head = load_model(config, Loading(home=folder, threads=1, folder=folder)).tasks["embed_text"]
    items = head.prepare(TEXTS[:3])
    vectors = head.finish(TEXTS[:3], items, head.forward(items))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-3)
    return {"tried": len(vectors)}


def test_the_setting_finds_the_pulled_model(home: Path, network: Any) -> None:
    config = config_of(NAME, EndpointSettings(home=home, image_model=NAME))
    model = load_model(config, Loading(home=home / "models", threads=1))
    assert (model.model_id, model.dim, model.precision) == (NAME, 256, "int8")
    tokens = import_open_clip().get_tokenizer("ViT-S-32-alt")(TEXTS[:1])
    head = model.tasks["embed_text"]
    with torch.inference_mode():
        wanted = network.encode_text(tokens, normalize=True).numpy()
    assert (head.forward(head.prepare(TEXTS[:1])) * wanted).sum() > 0.99
    images = model.tasks["embed_image"]
    from gpu_endpoint.models.ports import Sheet

    assert images.forward(images.prepare(Sheet(*sheet([frame(1), frame(2)])))).shape == (2, 256)


def test_an_export_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    """In training its batch norms would count what is asked, and answer otherwise ever after."""
    options = {"image_size": 32, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None}
    text = {"context_length": 8, "vocab_size": 64, "width": 16, "heads": 2, "layers": 1}
    residual = import_open_clip().model.CLIP(16, options, text).eval()
    export_images(residual, tmp_path / "tower.onnx", size=32, about={}, int8=False)
    assert not any(part.training for part in residual.modules())


def test_an_architecture_with_a_tokenizer_of_its_own_is_refused(tmp_path: Path) -> None:
    class Hub:
        @staticmethod
        def get_tokenizer(architecture: str) -> None:
            raise OSError(f"we couldn't connect for {architecture}")

    with pytest.raises(ModelFileError, match="has a tokenizer of its own, which only the hub holds"):
        write_clip_tokenizer(Hub, tmp_path / "tokenizer.json", "ViT-B-16-SigLIP/mine")


def test_the_tokenizer_is_the_one_that_training_used(home: Path) -> None:
    ours = ClipTokenizer(home / "models" / "ViT-S-32-alt--own.tokenizer.json", context=77)
    theirs = import_open_clip().get_tokenizer("ViT-S-32-alt")(TEXTS).numpy()
    assert np.array_equal(ours(TEXTS), theirs)


def test_a_pulled_folder_moves_to_a_machine_without_torch(home: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None; sys.modules['open_clip'] = None\n"
        "from pathlib import Path\n"
        "from gpu_endpoint.models.open_clip_pull import Pull, pull\n"
        "from gpu_endpoint.models.families import Loading, load_model\n"
        "def golden(config, folder):\n"
        "    model = load_model(config, Loading(home=folder, threads=1, folder=folder))\n"
        "    head = model.tasks['embed_text']\n"
        "    return {'rows': len(head.forward(head.prepare(['a car'])))}\n"
        f"wanted = Pull({NAME!r}, Path({str(tmp_path)!r}), Path({str(home / 'models')!r}))\n"
        "print(pull(wanted, golden)['rows'])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "1", done.stderr
    names = {path.name for path in tmp_path.iterdir()}
    assert "ViT-S-32-alt--own.json" in names
    assert not [name for name in names if name.startswith(".pull")]


def test_what_fails_changes_nothing(checkpoint: Path, tmp_path: Path) -> None:
    def refuse(config: ModelConfig, folder: Path) -> dict[str, float]:
        raise GoldenError("not this one")

    with pytest.raises(GoldenError):
        pull(Pull(NAME, tmp_path, checkpoint), refuse)
    with pytest.raises(ModelFileError, match="has the sha256"):
        pull(Pull(NAME, tmp_path, checkpoint, "0" * 64), tried)
    with pytest.raises(ModelFileError, match="no architecture"):
        pull(Pull("ViT-Q/own", tmp_path, checkpoint), tried)
    assert list(tmp_path.iterdir()) == []


def test_the_command_runs_the_goldens_and_refuses_untrained_weights(checkpoint: Path, tmp_path: Path) -> None:
    done = run_command(NAME, "--from", str(checkpoint), "--home", str(tmp_path))
    assert done.returncode == 1
    assert "known similarities" in done.stderr
    assert "exporting texts" in done.stderr, "the steps that take a minute are told"
    assert "randomly" not in done.stderr
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("ending", ["pt", "bin", "pth"])
def test_the_command_refuses_a_pickle_with_the_reason(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"weights.{ending}"
    torch.save({"weight": torch.zeros(2)}, path)
    done = run_command(NAME, "--from", str(path), "--home", str(tmp_path / "home"))
    assert done.returncode == 1
    assert "runs whatever code it carries" in done.stderr
    assert "Traceback" not in done.stderr


def run_command(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "gpu_endpoint", "models", "pull", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_config_pins_every_file(home: Path) -> None:
    said = json.loads((home / "models" / "ViT-S-32-alt--own.json").read_text())
    assert set(said["files"]) == {"images", "texts", "tokenizer", "checkpoint"}
    for file in said["files"].values():
        assert sha256_of(home / "models" / file["path"]) == file["sha256"]
