"""A real CLIP architecture from a file: served on a CPU as ONNX (on a GPU in torch) like any other model."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the torch environment: make test-torch")

from safetensors.torch import save_file  # noqa: E402

from gpu_endpoint.models.files import ModelFileError, refuse_pickle  # noqa: E402
from gpu_endpoint.models.open_clip_import import import_open_clip  # noqa: E402
from gpu_endpoint.models.open_clip_torch import TorchOpenClip, load_open_clip  # noqa: E402
from gpu_endpoint.models.sheets import cut_tiles, normalised  # noqa: E402
from sightline.providers.sagemaker import SageMakerEmbedder  # noqa: E402
from tests.endpoint_process import running_endpoint  # noqa: E402
from tests.pictures import frame, sheet  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # torch's and open_clip's own
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

NAME = "ViT-B-32/random"
TEXTS = ["a red car at a crossing", "heavy rain on the motorway at night"]
SHEET = sheet([frame(seed) for seed in range(10)])


@pytest.fixture(scope="module")
def network() -> torch.nn.Module:
    torch.manual_seed(0)
    return import_open_clip().create_model("ViT-B-32", load_weights=False).eval()


@pytest.fixture(scope="module")
def checkpoint(network: torch.nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network's random weights in a file, as a hub would offer them."""
    path = tmp_path_factory.mktemp("weights") / "open_clip_model.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path


@pytest.fixture(scope="module")
def embedder(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SageMakerEmbedder]:
    home = tmp_path_factory.mktemp("home")
    chosen = {"SIGHTLINE_IMAGE_MODEL": NAME, "SIGHTLINE_IMAGE_MODEL_FILE": checkpoint}
    with running_endpoint(home, **chosen) as endpoint, pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", endpoint.url)
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        with closing(SageMakerEmbedder(endpoint_name="sightline-test", model=NAME)) as made:
            yield made


def test_the_endpoint_answers_as_the_torch_model_does(
    embedder: SageMakerEmbedder, network: torch.nn.Module
) -> None:
    texts, tiles = embedder.embed_texts(TEXTS), embedder.embed_sheet(*SHEET)
    assert (texts.model_id, texts.dim, texts.revision) == (NAME, 512, tiles.revision)
    tokens = import_open_clip().get_tokenizer("ViT-B-32")(TEXTS)
    with torch.inference_mode():
        wanted = network.encode_text(tokens, normalize=True).numpy()
    assert (texts.vectors.astype(np.float32) * wanted).sum(axis=1).min() > 0.99
    said = network.visual.preprocess_cfg
    preprocess = import_open_clip().image_transform(
        said["size"], is_train=False, mean=said["mean"], std=said["std"], interpolation=said["interpolation"]
    )
    pixels = torch.stack([preprocess(frame(seed)) for seed in range(10)])
    with torch.inference_mode():
        wanted = network.encode_image(pixels, normalize=True).numpy()
    assert (tiles.vectors.astype(np.float32) * wanted).sum(axis=1).min() > 0.99


def test_a_second_start_uses_what_the_first_built(tmp_path: Path) -> None:
    torch.manual_seed(1)
    small = import_open_clip().create_model("ViT-S-32-alt", load_weights=False)
    file = tmp_path / "small.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in small.state_dict().items()}, file)
    first = load_open_clip("ViT-S-32-alt/own", tmp_path, file=file, threads=1)
    built = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = load_open_clip("ViT-S-32-alt/own", tmp_path, file=file, threads=1)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == built
    prepared = again.prepare_texts(TEXTS)
    assert np.allclose(first.forward_texts(prepared), again.forward_texts(prepared), atol=1e-5)
    assert (again.dim, again.image) == (256, first.image)


@pytest.mark.parametrize("legacy", [True, False])
def test_a_pickle_is_refused_with_the_reason(tmp_path: Path, legacy: bool) -> None:
    path = tmp_path / "open_clip_model.safetensors"  # what it is called proves nothing
    torch.save({"weight": torch.zeros(2)}, path, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ModelFileError, match="runs whatever code it carries"):
        refuse_pickle(path)


def test_a_pickle_s_code_never_runs(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return Path.touch, (Path(tmp_path / "sprung"),)

    path = tmp_path / "model.bin"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(ModelFileError, match="pickle"):
        load_open_clip(NAME, tmp_path, file=path, threads=1)
    assert not (tmp_path / "sprung").exists()


def test_other_files_are_refused_by_name(tmp_path: Path, checkpoint: Path) -> None:
    (tmp_path / "notes.txt").write_text("not weights")
    with pytest.raises(ModelFileError, match=r"notes\.txt is not a safetensors file"):
        load_open_clip(NAME, tmp_path, file=tmp_path / "notes.txt", threads=1)
    with pytest.raises(ModelFileError, match=r"gone\.safetensors is missing"):
        load_open_clip(NAME, tmp_path, file=tmp_path / "gone.safetensors", threads=1)
    with pytest.raises(ModelFileError, match="does not hold a ViT-S-32-alt"):
        load_open_clip("ViT-S-32-alt/own", tmp_path, file=checkpoint, threads=1)
    with pytest.raises(ModelFileError, match="no architecture 'ViT-XXL'"):
        load_open_clip("ViT-XXL/own", tmp_path, file=checkpoint, threads=1)


def test_an_unreachable_hub_names_the_way_around_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelFileError, match="SIGHTLINE_IMAGE_MODEL_FILE"):
        load_open_clip("ViT-B-32/laion2b_s34b_b79k", tmp_path, file=None, threads=1)
    with pytest.raises(ModelFileError, match="knows no hub weights 'nobody'"):
        load_open_clip("ViT-B-32/nobody", tmp_path, file=None, threads=1)


@pytest.mark.parametrize(
    "device",
    [
        "cpu",  # the same code in the same bfloat16: only the chip differs
        pytest.param(
            "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU")
        ),
    ],
)
def test_bfloat16_in_torch_answers_as_float32_does(network: torch.nn.Module, device: str) -> None:
    tokenizer = import_open_clip().get_tokenizer("ViT-B-32")
    served = TorchOpenClip(NAME, "r", tokenizer=tokenizer, network=copy.deepcopy(network), device=device)
    tiles = served.forward_images(served.prepare_images(*SHEET))
    texts = served.forward_texts(served.prepare_texts(TEXTS))
    pixels = torch.from_numpy(normalised(cut_tiles(*SHEET, served.image), served.image))
    with torch.inference_mode():
        wanted_tiles = network.encode_image(pixels, normalize=True).numpy()
        wanted_texts = network.encode_text(tokenizer(TEXTS), normalize=True).numpy()
    assert (tiles * wanted_tiles).sum(axis=1).min() > 0.99
    assert (texts * wanted_texts).sum(axis=1).min() > 0.99
