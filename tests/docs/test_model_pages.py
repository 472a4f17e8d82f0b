"""What the docs say of models of one's own runs as it stands: one of a known family, and a tagger."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gpu_endpoint.lifecycle.controller import Controller
from gpu_endpoint.lifecycle.folder_objects import FolderObjects
from tests.endpoint_process import REPOSITORY, EndpointProcess, run_commands, running_endpoint
from tests.small_tagger import save_tagger

pytestmark = pytest.mark.docs

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a reader stands: a clone, as far as the commands see it."""
    made = tmp_path_factory.mktemp("clone")
    (made / ".venv").symlink_to(sys.prefix)
    (made / "gpu_endpoint").symlink_to(REPOSITORY / "gpu_endpoint")
    return made


@pytest.fixture(scope="module")
def endpoint(folder: Path, models_home: Path) -> Iterator[EndpointProcess]:
    """As the page starts it, with what another has built."""
    home = folder / "home"
    home.mkdir()
    store = folder / "store"
    with running_endpoint(home, SIGHTLINE_MODEL_STORE=store, SIGHTLINE_BUILT=models_home) as process:
        yield process


def run_block(page: str, heading: str, *, folder: Path, endpoint: EndpointProcess) -> str:
    """The one block of commands under a heading, in a shell that stops at the first that fails."""
    text = (REPOSITORY / "docs" / page).read_text(encoding="utf-8").partition(f"\n## {heading}\n")[2]
    found = BLOCK.search(text.partition("\n## ")[0])
    assert found is not None
    return run_commands(found[1], folder=folder, url=endpoint.url, timeout_s=180)


def answers(said: str) -> list[dict[str, object]]:
    """What curl printed, among the tables."""
    return [json.JSONDecoder().raw_decode(part)[0] for part in re.findall(r"^\{.*", said, re.MULTILINE)]


def test_a_model_of_a_known_family_is_a_config(folder: Path, endpoint: EndpointProcess) -> None:
    said = run_block("models.md", "A model of a known family", folder=folder, endpoint=endpoint)
    (answer,) = answers(said)
    assert (answer["model"], answer["dim"]) == ("our-scenes", 256)
    assert re.search(r"^our-scenes +\w{12} +1 of 1$", said, re.MULTILINE)


@pytest.mark.parametrize("kind", ["bert", "roberta", "distilbert"])
def test_a_tagger_comes_in_from_its_files(kind: str, folder: Path, endpoint: EndpointProcess) -> None:
    reader = folder / kind
    save_tagger(reader / "tagger", kind)
    (reader / ".venv").symlink_to(sys.prefix)
    (reader / "store").symlink_to(folder / "store", target_is_directory=True)
    said = run_block("alert-models.md", "A tagger of your own", folder=reader, endpoint=endpoint)
    Controller(FolderObjects(folder / "store")).remove("our-tagger")  # for the next kind's
    (answer,) = answers(said)
    assert (answer["model"], answer["precision"]) == ("our-tagger", "int8")
    (entities,) = answer["entities"]
    assert {one["label"] for one in entities} <= {"PER", "LOC"}
    assert entities
