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

import numpy as np

from gpu_endpoint.models.config import ModelConfig, config_path, read_config
from gpu_endpoint.models.files import ModelFileError, checked, sha256_of
from gpu_endpoint.models.open_clip_import import import_open_clip
from gpu_endpoint.models.open_clip_weights import find_weights, refuse_pickle
from gpu_endpoint.models.ports import Vectors

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


def pull(wanted: Pull, golden: Callable[[ModelConfig, Path], dict[str, float]]) -> dict[str, Any]:
    """Registers the model; answers what was measured. `golden` tries it before it is registered.

    Nothing is changed when a step fails: files are written aside and moved in at the end.
    Raises: ModelFileError, and what `golden` raises.
    """
    wanted.home.mkdir(parents=True, exist_ok=True)
    draft = wanted.home / f".pull-{uuid.uuid4().hex}"
    draft.mkdir()
    try:
        copied = wanted.source is not None and wanted.source.is_dir()
        measured = copy_pulled(wanted, draft) if copied else export_checkpoint(wanted, draft)
        config = read_config(wanted.name, draft)
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
    for role in config.files:
        place_beside(config.file(role, source), draft / Path(config.files[role].path).name)
    shutil.copyfile(config_path(wanted.name, source), config_path(wanted.name, draft))
    return {}


def export_checkpoint(wanted: Pull, draft: Path) -> dict[str, Any]:
    """From a checkpoint: both towers exported, quantised and compared with torch, and the config."""
    from gpu_endpoint.models.open_clip_torch import build_network, image_input

    architecture, _, tag = wanted.name.partition("/")
    if wanted.source:  # before torch is asked for, which may not be here
        refuse_pickle(wanted.source)
        if wanted.sha256:
            checked(wanted.source, wanted.sha256)
    open_clip = import_open_clip()
    if open_clip.get_model_config(architecture) is None:
        raise ModelFileError(f"no model {wanted.name!r}: open_clip knows no architecture {architecture!r}")
    weights = find_weights(open_clip, architecture, tag, wanted.source)
    if wanted.sha256 and not wanted.source:
        checked(weights, wanted.sha256)
    network = build_network(open_clip, architecture, tag, weights)
    stem = wanted.name.replace("/", "--")
    files = {role: draft / f"{stem}.{role}.{ENDINGS[role]}" for role in PARTS}
    write_clip_tokenizer(open_clip.get_tokenizer(architecture), files["tokenizer"], wanted.name)
    measured = export_towers(network, files)
    place_beside(weights, files["checkpoint"])
    config = {
        "id": wanted.name,
        "family": FAMILY,
        "dim": int(network.visual.output_dim),
        "precision": "int8",
        "licence": UNKNOWN_LICENCE,
        "source": f"open_clip {wanted.name}",
        "image": image_input(network).model_dump(),
        "text": "open_clip",
        "files": {role: {"path": path.name, "sha256": sha256_of(path)} for role, path in files.items()},
    }
    config_path(wanted.name, draft).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return {"checkpoint_sha256": config["files"]["checkpoint"]["sha256"]} | measured  # type: ignore[index]


def export_towers(network: Any, files: dict[str, Path]) -> dict[str, float]:
    """Writes both towers; how near float32 ONNX is to torch, and int8 to float32."""
    from gpu_endpoint.models.open_clip_compare import Compared
    from gpu_endpoint.models.open_clip_torch import image_input

    image = image_input(network)
    compared = Compared(network, image)
    measured: dict[str, float] = {}
    for side in ("images", "texts"):
        measured |= compared.exported(side, files[side])
    return measured


def write_clip_tokenizer(tokenizer: Any, path: Path, name: str) -> None:
    """Raises: ModelFileError, for an architecture whose tokenizer is not CLIP's own."""
    from gpu_endpoint.models.clip_tokenizer import write_tokenizer

    if not hasattr(tokenizer, "bpe_ranks") or getattr(tokenizer, "reduction_fn", None):
        raise ModelFileError(f"{name} has a tokenizer of its own, which only the hub holds: not CLIP's")
    write_tokenizer(tokenizer.encoder, list(tokenizer.bpe_ranks), path)


def place_beside(source: Path, target: Path) -> None:
    """A second name for the same bytes where the disk allows it, a copy otherwise."""
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)


def nearness(mine: Vectors, theirs: Vectors) -> tuple[float, float]:
    """Least and mean cosine of unit vectors."""
    cosines = (mine * theirs).sum(axis=1)
    return float(cosines.min()), float(cosines.mean())


def same_neighbours(mine: Vectors, theirs: Vectors, *, first: int = 5) -> float:
    """Share of each row's nearest others that both know."""
    shares = []
    for row in range(len(mine)):
        nearest = [set(np.argsort(-(side @ side[row]))[1 : first + 1].tolist()) for side in (mine, theirs)]
        shares.append(len(nearest[0] & nearest[1]) / first)
    return float(np.mean(shares))
