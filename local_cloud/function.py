"""What the executor needs to know about one deployed function."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Function:
    """One function as deployed, and the folders on this machine that its code runs from."""

    name: str
    arn: str
    handler: str
    task_dir: Path
    layer_dirs: tuple[Path, ...]
    memory_mb: int
    timeout_s: float
    environment: Mapping[str, str]

    @property
    def label(self) -> str:
        """The name a person knows it by: its source folder's."""
        return self.task_dir.name

    @property
    def worker_key(self) -> str:
        """Workers are shared between calls only while all of this stays the same."""
        parts = [self.arn, self.handler, str(self.task_dir), *map(str, self.layer_dirs)]
        parts += [str(self.memory_mb), json.dumps(dict(self.environment), sort_keys=True)]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Outcome:
    """What one call came to: the payload, and the kind of error AWS would name ("Unhandled") or None."""

    payload: bytes
    error: str | None
    log: str
