"""Texts are read a portion at a time: nobody's short request waits for all of somebody's long one."""

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpu_endpoint.errors import OverloadedError
from gpu_endpoint.models.ports import Head
from gpu_endpoint.turns import PORTION, Turns, portions

pytestmark = pytest.mark.unit

LONG = ["one " * 4_000, "two " * 4_000, "three"]


class Reader:
    """Two items a text; may be held up. Remembers what it read in which order."""

    def __init__(self) -> None:
        self.read: list[list[str]] = []
        self.began, self.go_on = threading.Event(), threading.Event()

    def prepare(self, texts: Sequence[str]) -> list[tuple[int, str]]:
        self.read.append([text.split()[0] for text in texts])
        self.began.set()
        assert self.go_on.wait(20)
        return [(place, part) for place, text in enumerate(texts) for part in (text[:3], text[3:])]

    @staticmethod
    def finish(texts: Sequence[str], items: Sequence[tuple[int, str]], rows: Sequence[int]) -> list[Any]:
        """Its own part of each, counted anew."""
        return [
            [row for (owner, _), row in zip(items, rows, strict=True) if owner == place]
            for place in range(len(texts))
        ]

    def head(self) -> Head:
        return Head(
            task="tag_entities",
            lane="texts",
            prepare=self.prepare,
            forward=len,
            finish=self.finish,
            example=tuple,
            size=lambda item: len(item[1]),
        )


@given(st.lists(st.integers(1, PORTION + 10), min_size=1, max_size=30))
def test_portions_are_all_texts_and_not_too_much_at_once(lengths: list[int]) -> None:
    texts = [str(place) * length for place, length in enumerate(lengths)]
    parts = list(portions(texts))
    assert [text for part in parts for text in part] == texts
    assert all(len(part) == 1 or sum(map(len, part)) <= PORTION for part in parts)


def test_a_short_request_comes_between_a_long_one_s_portions() -> None:
    reader = Reader()

    async def scenario(thread: ThreadPoolExecutor) -> None:
        told: list[tuple[int, int]] = []
        long = Turns(thread, reader.head(), LONG)
        short = Turns(thread, reader.head(), ["short"])
        first = asyncio.ensure_future(long.prepare(lambda count, size: told.append((count, size))))
        await asyncio.to_thread(reader.began.wait, 20)
        second = asyncio.ensure_future(short.prepare(lambda *_, **__: None))
        await asyncio.sleep(0)
        reader.go_on.set()
        assert [part for _, part in await second] == ["sho", "rt"]
        items = await first
        assert len(items) == 6
        assert told == [(3, 3), (4, 16_002)], "texts at first, then the items that are known"
        assert await long.finish([10, 11, 20, 21, 30, 31]) == [[10, 11], [20, 21], [30, 31]]

    with ThreadPoolExecutor(1) as thread:
        asyncio.run(scenario(thread))
    assert reader.read == [["one"], ["short"], ["two", "three"]]


def test_what_is_refused_half_way_is_not_read_to_its_end() -> None:
    reader = Reader()
    reader.go_on.set()

    def admit(count: int, *, size: int) -> None:
        if size > 3:
            raise OverloadedError

    with ThreadPoolExecutor(1) as thread, pytest.raises(OverloadedError):
        asyncio.run(Turns(thread, reader.head(), LONG).prepare(admit))
    assert reader.read == [["one"]]
