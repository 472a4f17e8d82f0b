"""The registry of known models: one JSON file each in configs/, checked as it is read."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from gpu_endpoint.models.files import ModelFileError, checked
from gpu_endpoint.models.ports import Task

CONFIGS = Path(__file__).parent / "configs"


class Part(BaseModel):
    """Everything below is closed: a misspelt key is an error, not a default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PinnedFile(Part):
    """A file beside the config (`path` is relative to the config's folder), and what it must contain."""

    path: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class ImageInput(Part):
    """How a tile becomes the network's input: float32 (n, 3, size, size), (pixel / 255 - mean) / std."""

    size: int = Field(ge=16, le=1024)
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    fit: Literal["squash", "crop"] = Field(
        description="squash: the whole tile to a square; crop: short side to `size`, then the middle square"
    )
    resample: Literal["box", "bilinear", "bicubic"]


class ModelConfig(Part):
    """One model the endpoint can serve."""

    id: str
    family: str = Field(description="Who loads it: a key of FAMILIES in families.py")
    tasks: tuple[Task, ...] = Field(default=(), description="Empty: whatever its family does")
    dim: int | None = Field(default=None, ge=8, le=4096, description="None: no vectors, or as its file says")
    precision: str = "int8"
    licence: str
    source: str
    image: ImageInput | None = Field(default=None, description="None: a model of texts only")
    tokenizer: str = Field(
        description="Whose: all-minilm-l6-v2, open_clip, or the model's own",
        # The second stands in what was registered before this had its name.
        validation_alias=AliasChoices("tokenizer", "text"),
    )
    files: dict[str, PinnedFile] = Field(default_factory=dict)
    checkpoint_sha256: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{64}$",
        description="Of weights that come from the hub or from a file",
    )

    def revision(self) -> str:
        """Names the weights: the digest of all pinned files, first 12 digits."""
        lines = sorted(f"{role}:{file.sha256}" for role, file in self.files.items())
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]

    def file(self, role: str, folder: Path) -> Path:
        """The path of one pinned file, after checking its content. Raises: ModelFileError."""
        if role not in self.files:
            raise ModelFileError(f"the config of {self.id} names no file for {role!r}")
        return checked((folder / self.files[role].path).resolve(), self.files[role].sha256)


def config_path(model_id: str, folder: Path = CONFIGS) -> Path:
    """Where the config of a model lies; a slash in the id is two dashes in the file's name."""
    return folder / f"{model_id.replace('/', '--')}.json"


def read_config(model_id: str, folder: Path = CONFIGS) -> ModelConfig:
    """The config of a known model. Raises: ModelFileError."""
    path = config_path(model_id, folder)
    if not path.is_file():
        known = ", ".join(sorted(file.stem.replace("--", "/") for file in folder.glob("*.json"))) or "none"
        raise ModelFileError(f"no model {model_id!r}: {folder} knows {known}")
    return ModelConfig.model_validate_json(path.read_bytes())
