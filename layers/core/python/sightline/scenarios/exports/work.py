"""One worker's turn at an export: what it has made since the last checkpoint, and when it must end."""

import time
from dataclasses import dataclass, field
from typing import Any

from sightline.database import Row, transaction
from sightline.ports.objects import Blobs
from sightline.scenarios.exports import rules, work_store
from sightline.scenarios.exports.archiving import Archiver, Stored

CHECKPOINT_S = 20.0
"""Seconds of work that a kill may cost, where less than a part was written in them."""


class RefusedError(Exception):
    """The export cannot be made; the message is one of rules.FAILURE_CODES."""


class ReplacedError(Exception):
    """Another worker took over, or nobody wants the export any more."""


@dataclass(slots=True)
class Work:
    """One worker's turn at one export."""

    job: Row
    blobs: Blobs
    archiver: Archiver
    ends_at: float
    done: list[dict[str, Any]] = field(default_factory=list)
    kept_at: float = field(default_factory=time.monotonic)

    @property
    def over(self) -> bool:
        """Whether the call's time is up."""
        return time.monotonic() >= self.ends_at

    def wrote(self, piece: Row, stored: Stored, **facts: Any) -> None:
        """A file is in the archive."""
        entry = stored.entry
        self._settle(
            piece,
            path=entry.path,
            byte_offset=entry.offset,
            size_bytes=entry.size_bytes,
            crc32=entry.crc32,
            sha256=stored.sha256,
            **facts,
        )

    def left_out(self, piece: Row, problem: str) -> None:
        """A file cannot be made; the export goes on without it."""
        self._settle(piece, problem=problem)

    def _settle(self, piece: Row, **facts: Any) -> None:
        self.done.append({**dict.fromkeys(_FACTS), **facts, "no": piece["no"]})
        if self.archiver.end > rules.MAX_ARCHIVE_BYTES:
            raise RefusedError("too-large")
        if self.archiver.sent or time.monotonic() - self.kept_at > CHECKPOINT_S:
            self.keep()

    def keep(self) -> None:
        """A checkpoint. Raises: ReplacedError."""
        with transaction(self.job["workspace_id"]) as conn:
            held = work_store.checkpoint(
                conn,
                self.job,
                pieces=self.done,
                parts=self.archiver.sent,
                archive_bytes=self.archiver.end,
                tail=bytes(self.archiver.gathered),
            )
        if not held:
            raise ReplacedError
        self.done, self.archiver.sent, self.kept_at = [], [], time.monotonic()


_FACTS = ("path", "byte_offset", "size_bytes", "crc32", "sha256", "shown_start_s", "shown_end_s", "width",
          "height", "problem")  # fmt: skip
