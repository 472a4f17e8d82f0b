"""A request's texts on the thread that reads texts: a portion at a time, and others' come in between."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from typing import Any

from gpu_endpoint.models.ports import Head

PORTION = 20_000  # characters: about a tenth of a second of tagging, a few milliseconds of tokenising


class Turns:
    """What comes before and after the model for one request."""

    def __init__(self, thread: Executor, head: Head, texts: Sequence[str]) -> None:
        self._thread = thread
        self._head = head
        self._portions = list(portions(texts))
        self._prepared: list[Sequence[Any]] = []

    async def prepare(self, admit: Callable[..., None]) -> list[Any]:
        """The items of all texts. `admit` hears before each portion their number and size, at least.

        Raises: what `admit` does; so refusing stays cheap.
        """
        items: list[Any] = []
        size = 0
        left = sum(map(len, self._portions))
        for texts in self._portions:
            admit(len(items) + left, size=size + left)
            own = await self._aside(self._head.prepare, texts)
            self._prepared.append(own)
            items += own
            size += sum(map(self._head.size, own))
            left -= len(texts)
        return items

    async def finish(self, rows: Sequence[Any]) -> list[Any]:
        """What is answered, one entry a text."""
        answers: list[Any] = []
        done = 0
        for texts, items in zip(self._portions, self._prepared, strict=True):
            own = rows[done : done + len(items)]
            answers += await self._aside(self._head.finish, texts, items, own)
            done += len(items)
        return answers

    async def _aside(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)


def portions(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Neighbours of at most PORTION characters together, or one text that is longer."""
    start = size = 0
    for place, text in enumerate(texts):
        size += len(text)
        if size > PORTION and place > start:
            yield texts[start:place]
            start, size = place, len(text)
    yield texts[start:]
