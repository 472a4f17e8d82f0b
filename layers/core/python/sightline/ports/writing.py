"""Sentences from passages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that may be cited: an alert, a section of a runbook."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and the ids of the passages it rests on."""

    text: str
    cites: tuple[str, ...]


WriterTask = Literal["summary", "answer"]


class Writer(Protocol):
    """Writes from passages and nothing else. Nobody trusts it: see incidents/citations.py."""

    @property
    def id(self) -> str:
        """`extractive`, or the model's name."""
        ...

    def write(
        self, task: WriterTask, *, question: str, passages: Sequence[Passage], max_sentences: int
    ) -> list[Sentence]:
        """None where the passages do not say. Raises: WriterUnavailableError."""
        ...
