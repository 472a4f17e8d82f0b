"""Where an open_clip model's weights come from: a safetensors file, or the hub's. Never a pickle."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from gpu_endpoint.models.files import ModelFileError, refuse_pickle, sha256_of

HUB_FILE = "open_clip_model.safetensors"


def find_weights(open_clip: ModuleType, architecture: str, tag: str, file: Path | None) -> Path:
    """The checkpoint as a safetensors file. Raises: ModelFileError."""
    return refuse_pickle(file if file else from_hub(open_clip, architecture, tag))


def known_weights(path: Path, name: str, sha256: str | None) -> str:
    """The file's sha256. Raises: ModelFileError, when `name` is registered with another."""
    found = sha256_of(path)
    if sha256 is not None and found != sha256:
        raise ModelFileError(
            f"{path} has the sha256 {found}, and {name} is registered with {sha256}: "
            f"other weights are another model, and want a name of their own (such as {name}-2)"
        )
    return found


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
