"""What a container loads and what it refuses: kinds of files, names, spaces, and weights its image lacks."""

import dataclasses
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from gpu_endpoint.lifecycle import goldens
from gpu_endpoint.lifecycle.artifacts import fetched, register, registered
from gpu_endpoint.lifecycle.desired_state import Weights
from gpu_endpoint.lifecycle.folder_objects import FolderObjects
from gpu_endpoint.lifecycle.goldens import Bars, GoldenError
from gpu_endpoint.lifecycle.loader import Loader, LoadError
from gpu_endpoint.models.config import CONFIGS, ModelConfig, PinnedFile, read_config
from gpu_endpoint.models.families import Loading, load_model
from gpu_endpoint.models.files import ModelAnswerError, ModelFileError, sha256_of
from gpu_endpoint.models.heads import text_head
from gpu_endpoint.models.ports import Head, Task, Vectors
from gpu_endpoint.settings import EndpointSettings

pytestmark = pytest.mark.component

MODEL = "scenes-rn-128e"


@pytest.fixture
def objects(tmp_path: Path) -> FolderObjects:
    return FolderObjects(tmp_path / "store")


def of_one_file(path: Path) -> ModelConfig:
    file = PinnedFile(path=path.name, sha256=sha256_of(path))
    return ModelConfig(
        id="one",
        family="clip_onnx",
        dim=8,
        licence="MIT",
        source="a test",
        tokenizer="none",
        files={"it": file},
    )


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("weights.pt", b"PK\x03\x04", "none of"),
        ("weights.safetensors", b"\x80\x04\x95 a pickle by another name", "is a pickle"),
        ("weights.safetensors", b"PK\x03\x04 a torch archive", "is a pickle"),
        ("weights.safetensors", b"nothing", "not a safetensors"),
    ],
)
def test_a_pickle_is_refused_by_any_name(
    objects: FolderObjects, tmp_path: Path, name: str, content: bytes, why: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=why):
        register(objects, of_one_file(path), tmp_path)
    assert list(objects.listed("artifacts/")) == []


def test_a_file_that_is_not_what_was_pinned_is_not_registered(objects: FolderObjects, tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text("{}")
    config = of_one_file(path)
    path.write_text("[]")
    with pytest.raises(ModelFileError, match="was altered"):
        register(objects, config, tmp_path)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"tasks": ("classify",)}, "does embed_document, embed_text; its config says classify"),
        ({"dim": 256}, "answers 384 numbers; its config says 256"),
    ],
)
def test_a_model_is_what_its_config_says(models_home: Path, wrong: dict[str, object], why: str) -> None:
    config = read_config("all-minilm-l6-v2").model_copy(update=wrong)
    with pytest.raises(ModelFileError, match=why):
        load_model(config, Loading(home=models_home / "models", threads=1))


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.json")), ids=lambda path: path.stem)
def test_every_known_model_says_what_it_is(path: Path) -> None:
    said = json.loads(path.read_text())
    embeds = any(task.startswith("embed_") for task in said["tasks"])
    assert said.keys() >= {"id", "tasks", "tokenizer", "licence", "source"}
    assert ("dim" in said) == embeds
    assert ("image" in said) == ("embed_image" in said["tasks"])
    assert said["files"] if "files" in said else said["checkpoint_sha256"]


def test_what_was_registered_before_tokenizers_had_their_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text("{}")
    config = of_one_file(path)
    before = json.loads(config.model_dump_json())
    before["text"] = before.pop("tokenizer")
    assert ModelConfig.model_validate(before) == config


def test_registering_twice_is_registering_once(objects: FolderObjects, tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text("{}")
    config = of_one_file(path)
    weights = register(objects, config, tmp_path)
    assert register(objects, config, tmp_path) == weights == registered(objects, "one", config.revision())
    with pytest.raises(ModelFileError, match="in another way"):
        register(objects, config.model_copy(update={"dim": 16}), tmp_path)


def test_a_name_never_leads_out_of_the_folder(objects: FolderObjects, tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    path.write_text("{}")
    config = of_one_file(path)
    register(objects, config, tmp_path)
    escaping = PinnedFile(path="../labels.json", sha256=config.files["it"].sha256)
    with pytest.raises(ModelFileError, match="cannot be the name"):
        fetched(objects, config.model_copy(update={"files": {"it": escaping}}), tmp_path / "models" / "one")
    assert not (tmp_path / "models" / "labels.json").exists()


def test_weights_that_a_newer_image_no_longer_has_come_from_the_store(
    objects: FolderObjects, models_home: Path, tmp_path: Path
) -> None:
    config = read_config(MODEL)
    shutil.copytree(CONFIGS, tmp_path / "configs")  # without the weights beside it
    settings = EndpointSettings(home=models_home, model_configs=tmp_path / "configs")
    weights, loader = Weights(config=config, bundled=True), Loader(settings, objects)
    with pytest.raises(LoadError, match="has no artifact"):
        loader.load(weights, reference=None)
    folder = settings.models / "artifacts" / str(os.getpid())  # other processes share the models' home
    assert not list(folder.rglob("*")), "what failed leaves nothing"
    register(objects, config, CONFIGS)
    loaded = loader.load(weights, reference=None)
    assert loaded.model.revision.startswith(config.revision())
    assert loaded.checks["embed_image.known"] > 0.7
    assert list(folder.rglob("*.onnx"))
    loader.forget(loaded.folder)
    assert not list(folder.rglob("*.onnx"))


class Hashes:
    """Embeds texts by their characters; what it answers can be made wrong."""

    model_id, precision = "hashes", "float32"

    def __init__(self, revision: str, *, dim: int = 64, mix: float = 0.0, nan: bool = False) -> None:
        self.revision, self.dim, self.mix, self.nan = revision, dim, mix, nan
        self.tasks: dict[Task, Head] = {"embed_text": text_head(self)}

    def prepare_texts(self, texts: Sequence[str]) -> Sequence[str]:
        return texts

    def forward_texts(self, prepared: Sequence[str], /) -> Vectors:
        rows = [np.random.default_rng(sum(text.encode())).standard_normal(self.dim) for text in prepared]
        noise = np.random.default_rng(len(self.revision)).standard_normal(self.dim)
        vectors = np.stack([(1 - self.mix) * row + self.mix * noise for row in rows])
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors * (np.nan if self.nan else 1), np.float32)


BARS = dataclasses.replace(Bars(), known=0.0)


def test_what_agrees_passes() -> None:
    measured = goldens.check(Hashes("new", mix=0.02), Hashes("old"), BARS)
    assert measured["embed_text.agreement"] > 0.99


@pytest.mark.parametrize(
    ("candidate", "why"),
    [
        (Hashes("old"), "answers as old"),
        (Hashes("new", dim=32), "have 32 numbers"),
        (Hashes("new", mix=0.6), "cosine to the current revision"),
    ],
)
def test_what_is_another_space_does_not(candidate: Hashes, why: str) -> None:
    with pytest.raises(GoldenError, match=why):
        goldens.check(candidate, Hashes("old"), BARS)


def test_what_knows_no_meaning_does_not() -> None:
    with pytest.raises(GoldenError, match="known similarities"):
        goldens.check(Hashes("new"), None, Bars())


def test_what_is_no_number_does_not() -> None:
    with pytest.raises(ModelAnswerError, match="not a number"):
        goldens.check(Hashes("new", nan=True), None, BARS)


def test_entries_agree_by_label_and_place_not_by_confidence() -> None:
    one = [[{"label": "host", "start": 0, "end": 4, "confidence": 0.9}], [], {"severity": {"label": "high"}}]
    two = json.loads(json.dumps(one).replace("0.9", "0.7"))
    assert list(goldens.agreement(one, two, vectors=False)) == [1, 1, 1]
    other = [[{"label": "host", "start": 0, "end": 5}], [], {"severity": {"label": "low"}}]
    assert list(goldens.agreement(one, other, vectors=False)) == [0, 1, 0]
