"""Stretches of a text of which no two overlap."""

from bisect import bisect_left


class Taken:
    """Who comes first has the place; finding that out costs little however many came before."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def take(self, start: int, end: int) -> bool:
        """Whether nothing was there; from now on this is."""
        place = bisect_left(self._starts, end)
        if place and self._ends[place - 1] > start:
            return False
        self._starts.insert(place, start)
        self._ends.insert(place, end)
        return True
