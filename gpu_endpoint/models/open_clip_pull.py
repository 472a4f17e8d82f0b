"""`models pull`: an open_clip model, from the hub or a file, checked, exported, tried and registered."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gpu_endpoint.models.config import CONFIGS, ModelConfig, config_path, read_config
from gpu_endpoint.models.files import ModelFileError, refuse_pickle, sha256_of
from gpu_endpoint.models.open_clip_import import import_open_clip
from gpu_endpoint.models.open_clip_weights import find_weights, known_weights

FAMILY = "open_clip_onnx"
PARTS = ("images", "texts", "tokenizer", "checkpoint")
ENDINGS = {"images": "onnx", "texts": "onnx", "tokenizer": "json", "checkpoint": "safetensors"}
UNKNOWN_LICENCE = "as the weights' source states"


@dataclass(frozen=True)
class Pull:
    """What was asked for. `source`: a safetensors file, or a folder that an earlier pull made."""

    name: str
    home: Path
    source: Path | None = None
    sha256: str | None = None
    configs: Path = CONFIGS
    say: Callable[[str], None] = lambda _: None
    """Told of each step, of which some take a minute."""

    @property
    def registered(self) -> ModelConfig | None:
        """What is known of a model by this name: it was pulled before, or came with the endpoint."""
        found = [folder for folder in (self.home, self.configs) if config_path(self.name, folder).is_file()]
        return read_config(self.name, found[0]) if found else None

    def known(self, weights: Path) -> str:
        """The sha256 of a checkpoint. Raises: ModelFileError, for another than is registered or pinned."""
        registered = self.registered
        pulled = registered.files.get("checkpoint") if registered else None
        known = pulled.sha256 if pulled else registered.checkpoint_sha256 if registered else None
        found = known_weights(weights, self.name, known)
        if self.sha256 not in (None, found):
            raise ModelFileError(f"{weights} has the sha256 {found}, not {self.sha256}")
        return found


def pull(wanted: Pull, golden: Callable[[ModelConfig, Path], dict[str, float]]) -> dict[str, Any]:
    """Registers the model; answers what was measured. `golden` tries it before it is registered.

    Nothing is changed when a step fails: files are written aside and moved in at the end.
    Raises: ModelFileError, and what `golden` raises.
    """
    architecture, _, weights = wanted.name.partition("/")
    if not (architecture and weights):
        raise ModelFileError(
            f"{wanted.name!r} names no weights: say architecture/weights, such as ViT-B-32/mine"
        )
    wanted.home.mkdir(parents=True, exist_ok=True)
    draft = wanted.home / f".pull-{uuid.uuid4().hex}"
    draft.mkdir()
    try:
        copied = wanted.source is not None and wanted.source.is_dir()
        measured = copy_pulled(wanted, draft) if copied else export_checkpoint(wanted, draft)
        config = read_config(wanted.name, draft)
        wanted.say("checking what it answers")
        measured |= golden(config, draft)
        for path in sorted(draft.iterdir(), key=lambda one: one.suffix == ".json"):
            path.replace(wanted.home / path.name)  # the config last: it is what makes the model known
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return {"model": config.id, "revision": config.revision(), "folder": str(wanted.home)} | measured


def copy_pulled(wanted: Pull, draft: Path) -> dict[str, Any]:
    """Of a folder that another machine pulled into: every file by the hash in its config."""
    source = wanted.source
    if source is None:
        raise ModelFileError("no folder to copy from")
    config = read_config(wanted.name, source)
    if config.family != FAMILY:
        raise ModelFileError(f"{config_path(wanted.name, source)} is not what a pull wrote")
    if "checkpoint" in config.files:
        wanted.known(config.file("checkpoint", source))
    for role in config.files:
        place_beside(config.file(role, source), draft / Path(config.files[role].path).name)
    shutil.copyfile(config_path(wanted.name, source), config_path(wanted.name, draft))
    return {}


def export_checkpoint(wanted: Pull, draft: Path) -> dict[str, Any]:
    """From a checkpoint: both towers exported, quantised and compared with torch, and the config."""
    from gpu_endpoint.models.open_clip_torch import build_network

    architecture, _, tag = wanted.name.partition("/")
    if wanted.source:  # before torch is asked for, which may not be here
        wanted.known(refuse_pickle(wanted.source))
    open_clip = import_open_clip()
    if open_clip.get_model_config(architecture) is None:
        raise ModelFileError(f"no model {wanted.name!r}: open_clip knows no architecture {architecture!r}")
    weights = find_weights(open_clip, architecture, tag, wanted.source)
    checkpoint = wanted.known(weights)
    wanted.say(f"reading {weights}")
    network = build_network(open_clip, architecture, tag, weights)
    stem = wanted.name.replace("/", "--")
    files = {role: draft / f"{stem}.{role}.{ENDINGS[role]}" for role in PARTS}
    write_clip_tokenizer(open_clip, files["tokenizer"], wanted.name)
    measured = export_towers(network, files, wanted.say)
    place_beside(weights, files["checkpoint"])
    about = described(wanted, network) | {"files": {role: pinned(path) for role, path in files.items()}}
    config_path(wanted.name, draft).write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
    return {"checkpoint_sha256": checkpoint} | measured


def described(wanted: Pull, network: Any) -> dict[str, Any]:
    """What the config says of the model, beside its files."""
    from gpu_endpoint.models.open_clip_torch import image_input

    registered = wanted.registered
    return {
        "id": wanted.name,
        "family": FAMILY,
        "tasks": ["embed_image", "embed_text"],
        "dim": int(network.visual.output_dim),
        "precision": "int8",
        "licence": registered.licence if registered else UNKNOWN_LICENCE,
        "source": registered.source if registered else f"open_clip {wanted.name}",
        "image": image_input(network).model_dump(),
        "tokenizer": "open_clip",
    }


def pinned(path: Path) -> dict[str, str]:
    """A file in a config."""
    return {"path": path.name, "sha256": sha256_of(path)}


def export_towers(network: Any, files: dict[str, Path], say: Callable[[str], None]) -> dict[str, float]:
    """Writes both towers; how near float32 ONNX is to torch, and int8 to float32."""
    from gpu_endpoint.models.open_clip_compare import Compared
    from gpu_endpoint.models.open_clip_torch import image_input

    image = image_input(network)
    compared = Compared(network, image)
    measured: dict[str, float] = {}
    for side in ("images", "texts"):
        say(f"exporting {side} to ONNX in int8, and comparing them with torch")
        measured |= compared.exported(side, files[side])
    return measured


def write_clip_tokenizer(open_clip: Any, path: Path, name: str) -> None:
    """Raises: ModelFileError, for an architecture whose tokenizer is not CLIP's own."""
    from gpu_endpoint.models.clip_tokenizer import write_tokenizer

    try:
        tokenizer = open_clip.get_tokenizer(name.partition("/")[0])
    except (ImportError, OSError):  # it asks the hub for it
        tokenizer = None
    if not hasattr(tokenizer, "bpe_ranks") or getattr(tokenizer, "reduction_fn", None):
        raise ModelFileError(f"{name} has a tokenizer of its own, which only the hub holds: not CLIP's")
    write_tokenizer(tokenizer.encoder, list(tokenizer.bpe_ranks), path)


def place_beside(source: Path, target: Path) -> None:
    """A second name for the same bytes where the disk allows it, a copy otherwise."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
