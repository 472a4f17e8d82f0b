"""Model files: what is no whole safetensors file is refused before anything reads it, and by its reason."""

import errno
import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from gpu_endpoint.bundled import config_of
from gpu_endpoint.lifecycle.artifacts import check_kind
from gpu_endpoint.models.config import CONFIGS, config_path, read_config
from gpu_endpoint.models.files import ModelFileError, disk_reason, refuse_pickle
from gpu_endpoint.models.open_clip_pull import Pull, pull
from gpu_endpoint.models.sessions import open_session
from gpu_endpoint.settings import EndpointSettings

pytestmark = pytest.mark.unit

KNOWN = "ViT-B-32/laion2b_s34b_b79k"


def safetensors(path: Path, *, padding: int = 0, numbers: int = 16) -> Path:
    """A whole file; `padding` lengthens its header, as writers do to align it."""
    tensor = {"dtype": "F32", "shape": [numbers // 4], "data_offsets": [0, numbers]}
    header = json.dumps({"__metadata__": {"format": "pt"}, "weight": tensor}).encode()
    header += b" " * padding
    path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(numbers))
    return path


def test_a_whole_file_is_taken_whatever_the_length_of_its_header_looks_like(tmp_path: Path) -> None:
    for padding in range(256):  # a length that ends in 0x80 begins as a pickle does
        assert refuse_pickle(safetensors(tmp_path / "weights.safetensors", padding=padding))


@pytest.mark.parametrize("kept", [9, 50, -1])
def test_a_file_that_is_cut_short_says_how_much_is_missing(tmp_path: Path, kept: int) -> None:
    path = safetensors(tmp_path / "weights.safetensors")
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelFileError, match=r"is cut short: it has \d+ bytes of \d+"):
        refuse_pickle(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is not a safetensors file"),
        (b"\x02\0\0\0\0\0\0\0{]", "is not a safetensors file"),
        (b"\x07\0\0\0\0\0\0\0" + b'{"a":1}', "is not a safetensors file"),
        (b"\x02\0\0\0\0\0\0\0{}more", "is damaged"),
        (b"\x80\x04\x95", "is a pickle"),
        (b"PK\x03\x04" + bytes(30), "is a pickle"),
    ],
)
def test_other_content_is_refused_by_its_reason(tmp_path: Path, content: bytes, reason: str) -> None:
    path = tmp_path / "weights.safetensors"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match=reason):
        refuse_pickle(path)


@pytest.mark.parametrize("name", ["weights.bin", "weights.pt", "weights.SAFETENSORS", ".safetensors"])
def test_what_open_clip_would_unpickle_by_its_name_is_refused(tmp_path: Path, name: str) -> None:
    weights = safetensors(tmp_path / name)
    with pytest.raises(ModelFileError, match=r"by another name: call it \S*\.safetensors"):
        pull(Pull("ViT-B-32/mine", tmp_path / "models", weights), lambda *_: {})


def model_of(value: np.ndarray, *, within: str) -> onnx.ModelProto:
    """Adds a tensor called `location`: of the graph itself, or a constant in a branch of it."""
    tensor = numpy_helper.from_array(value, "location")
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [4])]
    answered = [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4])]
    if within == "graph":
        add = helper.make_node("Add", ["x", "location"], ["y"])
        return whole(helper.make_graph([add], "g", given, answered, [tensor]))
    constant = helper.make_node("Constant", [], ["y"], value=tensor)
    branch = helper.make_graph([constant], "b", [], answered)
    yes = numpy_helper.from_array(np.array(True), "yes")
    chosen = helper.make_node("If", ["yes"], ["y"], then_branch=branch, else_branch=branch)
    return whole(helper.make_graph([chosen], "g", given, answered, [yes]))


def whole(graph: onnx.GraphProto) -> onnx.ModelProto:
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.mark.parametrize("within", ["graph", "branch"])
def test_numbers_in_another_file_are_refused_and_in_the_same_one_taken(tmp_path: Path, within: str) -> None:
    path, beside = tmp_path / "model.onnx", tmp_path / "w.bin"
    model = model_of(np.arange(4, dtype=np.float32), within=within)
    onnx.save(model, path)
    assert open_session(path, threads=1).get_outputs()[0].name == "y"
    check_kind(path)
    onnx.save(
        model,
        path,
        save_as_external_data=True,
        location=beside.name,
        size_threshold=0,
        convert_attribute=True,
    )
    assert beside.stat().st_size >= 16
    for read in (lambda: open_session(path, threads=1), lambda: check_kind(path)):
        with pytest.raises(ModelFileError, match="keeps numbers in other files"):
            read()


def test_an_onnx_file_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"\xff\xff location")
    with pytest.raises(ModelFileError, match="is not an ONNX file"):
        check_kind(path)


@pytest.mark.parametrize("name", ["RN50", "RN50/", "/mine"])
def test_a_name_without_weights_is_not_pulled(tmp_path: Path, name: str) -> None:
    weights = safetensors(tmp_path / "weights.safetensors")
    with pytest.raises(ModelFileError, match="names no weights"):
        pull(Pull(name, tmp_path / "models", weights), lambda *_: {})
    assert not (tmp_path / "models").exists()


def test_a_registered_name_takes_only_the_registered_weights(tmp_path: Path) -> None:
    weights = safetensors(tmp_path / "weights.safetensors")
    pinned = read_config(KNOWN).checkpoint_sha256
    assert pinned is not None
    with pytest.raises(ModelFileError, match=f"is registered with {pinned}: other weights are another model"):
        Pull(KNOWN, tmp_path).known(weights)
    own = Pull("ViT-B-32/mine", tmp_path).known(weights)
    assert Pull("ViT-B-32/mine", tmp_path, sha256=own).known(weights) == own
    with pytest.raises(ModelFileError, match="has the sha256"):
        Pull("ViT-B-32/mine", tmp_path, sha256="0" * 64).known(weights)


def test_what_was_pulled_under_a_name_keeps_it(tmp_path: Path) -> None:
    known = json.loads(config_path(KNOWN, CONFIGS).read_text())
    pulled = known | {"id": "ViT-B-32/mine", "files": {"checkpoint": {"path": "a", "sha256": "1" * 64}}}
    config_path("ViT-B-32/mine", tmp_path).write_text(json.dumps(pulled))
    with pytest.raises(ModelFileError, match="want a name of their own"):
        Pull("ViT-B-32/mine", tmp_path).known(safetensors(tmp_path / "weights.safetensors"))


def test_a_full_disk_is_said_in_words() -> None:
    assert disk_reason(OSError(errno.ENOSPC, "x")) == "no space is left for the model's files"
    assert disk_reason(PermissionError(errno.EACCES, "Permission denied")) == "Permission denied"


def test_a_name_with_a_slash_may_have_a_config_too(tmp_path: Path) -> None:
    settings = EndpointSettings(home=tmp_path)
    known = config_of(KNOWN, settings)
    assert (known.licence, known.checkpoint_sha256) == ("MIT", read_config(KNOWN).checkpoint_sha256)
    assert config_of("ViT-B-32/unknown", settings).checkpoint_sha256 is None
