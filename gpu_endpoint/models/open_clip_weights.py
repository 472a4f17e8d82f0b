"""Where an open_clip model's weights come from: a safetensors file, or the hub's. Never a pickle."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from gpu_endpoint.models.files import ModelFileError

HUB_FILE = "open_clip_model.safetensors"


def find_weights(open_clip: ModuleType, architecture: str, tag: str, file: Path | None) -> Path:
    """The checkpoint as a safetensors file. Raises: ModelFileError."""
    return refuse_pickle(file if file else from_hub(open_clip, architecture, tag))


def refuse_pickle(path: Path) -> Path:
    """The path, if its content is safetensors: an 8-byte length, then a JSON header."""
    if not path.is_file():
        raise ModelFileError(f"{path} is missing")
    with path.open("rb") as file:
        start = file.read(9)
    if len(start) == 9 and start[8:] == b"{" and int.from_bytes(start[:8], "little") < path.stat().st_size:
        return path
    if start[:2] == b"PK" or start[:1] == b"\x80":
        raise ModelFileError(
            f"{path} is a pickle, and loading a pickle runs whatever code it carries: convert it with "
            "safetensors.torch.save_file on a machine that may be lost"
        )
    raise ModelFileError(f"{path} is not a safetensors file")


def from_hub(open_clip: ModuleType, architecture: str, tag: str) -> Path:
    """Downloads once, into the hub's own cache (HF_HOME)."""
    known = open_clip.get_pretrained_cfg(architecture, tag)
    repository = str(known.get("hf_hub", "")).strip("/")
    if not repository:
        raise ModelFileError(f"open_clip knows no hub weights {tag!r} for {architecture!r}")
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download(repository, HUB_FILE))
    except LocalEntryNotFoundError as error:
        raise ModelFileError(
            f"the hub cannot be reached for {repository}: give the file, to `models pull` with --from,"
            " to an endpoint with SIGHTLINE_IMAGE_MODEL_FILE"
        ) from error
    except (EntryNotFoundError, HfHubHTTPError) as error:
        raise ModelFileError(f"{repository} offers no {HUB_FILE}") from error
