"""Model files in the store: named by their sha256, fetched once, checked before anything reads them."""

from __future__ import annotations

import uuid
from pathlib import Path

from gpu_endpoint.lifecycle.desired_state import Weights
from gpu_endpoint.lifecycle.objects import MissingError, Objects, StaleWriteError
from gpu_endpoint.models.config import ModelConfig, PinnedFile
from gpu_endpoint.models.files import ModelFileError, checked, refuse_pickle
from gpu_endpoint.models.onnx_files import refuse_parts

KINDS = frozenset({".onnx", ".safetensors", ".json", ".txt"})
"""What a model may consist of. A pickle runs the code it carries when it is loaded."""


def artifact_key(sha256: str) -> str:
    """Where a file lies in the store."""
    return f"artifacts/{sha256}"


def registered_key(model_id: str, revision: str) -> str:
    """Where a registered revision is described."""
    return f"registered/{model_id.replace('/', '--')}/{revision}.json"


def register(objects: Objects, config: ModelConfig, folder: Path) -> Weights:
    """Copies the files of a config into the store, then its description; done twice, it is done once.

    Raises: ModelFileError, for files that are not what was pinned or not of a kind we load; StoreError.
    """
    paths = {role: config.file(role, folder) for role in config.files}
    for path in paths.values():
        check_kind(path)
    weights = Weights(config=flat(config))
    stored = {one.key for one in objects.listed("artifacts/")}
    for role, path in paths.items():
        if artifact_key(config.files[role].sha256) not in stored:
            objects.send(path, artifact_key(config.files[role].sha256))
    key = registered_key(config.id, config.revision())
    try:
        objects.replace(key, weights.model_dump_json(indent=1).encode(), etag=None)
    except StaleWriteError:
        if registered(objects, config.id, config.revision()) != weights:
            raise ModelFileError(f"{key} describes these files in another way") from None
    return weights


def flat(config: ModelConfig) -> ModelConfig:
    """The config with its files side by side in one folder. Raises: ModelFileError."""
    files = {
        role: PinnedFile(path=Path(file.path).name, sha256=file.sha256) for role, file in config.files.items()
    }
    if len({file.path for file in files.values()}) != len(files):
        raise ModelFileError(f"two files of {config.id} have one name")
    return config.model_copy(update={"files": files})


def registered(objects: Objects, model_id: str, revision: str) -> Weights:
    """What was registered. Raises: ModelFileError."""
    stored = objects.get(registered_key(model_id, revision))
    if stored is None:
        raise ModelFileError(f"{model_id} has no registered revision {revision!r}")
    return Weights.model_validate_json(stored.body)


def check_kind(path: Path) -> None:
    """Raises: ModelFileError, for what we do not load."""
    if path.suffix not in KINDS:
        raise ModelFileError(f"{path.name} is none of {', '.join(sorted(KINDS))}")
    if path.suffix == ".safetensors":
        refuse_pickle(path)
    if path.suffix == ".onnx":
        refuse_parts(path)


def fetched(objects: Objects, config: ModelConfig, folder: Path) -> Path:
    """The folder, with the files in it, each checked. Raises: ModelFileError, StoreError, OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    for file in config.files.values():
        if Path(file.path).name != file.path or Path(file.path).suffix not in KINDS:
            raise ModelFileError(f"{file.path} cannot be the name of a model's file")
        target = folder / file.path
        fetch(objects, file, target)
        check_kind(target)
    return folder


def fetch(objects: Objects, file: PinnedFile, target: Path) -> None:
    """One file, whole or not at all."""
    draft = target.with_name(f".{target.name}.{uuid.uuid4().hex}")
    try:
        objects.fetch(artifact_key(file.sha256), draft)
        checked(draft, file.sha256)
        draft.replace(target)
    except MissingError as error:
        raise ModelFileError(f"the store has no artifact {file.sha256}") from error
    finally:
        draft.unlink(missing_ok=True)
