"""Room on the disk."""

import shutil
from pathlib import Path

from local_cloud.errors import DiskFullError

MINIMUM_FREE_BYTES = 256 * 2**20  # Postgres's write-ahead log, a template and a short video


def require_space(folder: Path, *, minimum_bytes: int = MINIMUM_FREE_BYTES) -> None:
    """Raises: DiskFullError before anything is written that could then be half there."""
    free = shutil.disk_usage(folder).free
    if free < minimum_bytes:
        raise DiskFullError(
            f"The disk of {folder} has {free // 2**20} MB left; the local cloud needs at least "
            f"{minimum_bytes // 2**20} MB. Free some space, or choose another folder with --home."
        )
