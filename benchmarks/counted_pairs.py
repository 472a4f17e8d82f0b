"""Pairs of alerts: one outage, one incident?"""

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol


class Known(Protocol):
    """An alert of which is known what it was. truth: its outage, or the noise it is."""

    @property
    def truth(self) -> str: ...
    @property
    def noise(self) -> bool: ...
    @property
    def monitor(self) -> str: ...


@dataclass
class Pairs:
    """Counts of pairs of alerts; two of one noise are neither right nor wrong."""

    right: int = 0
    wrong: int = 0
    missed: int = 0

    @property
    def precision(self) -> float:
        return self.right / (self.right + self.wrong) if self.right + self.wrong else 1.0

    @property
    def recall(self) -> float:
        return self.right / (self.right + self.missed) if self.right + self.missed else 1.0

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0

    def add(self, alerts: Sequence[Known], groups: Sequence[Hashable]) -> None:
        """Counts a storm's; what fires again and again counts once in each group it was put into."""
        once = {(alert.monitor, alert.truth, group): (alert, group)
                for alert, group in zip(alerts, groups, strict=True)}  # fmt: skip
        for (one, here), (other, there) in combinations(once.values(), 2):
            same = one.truth == other.truth
            if same and one.noise:
                continue
            self.right += same and here == there
            self.wrong += not same and here == there
            self.missed += same and here != there


def incidents_of(groups: Sequence[Hashable]) -> int:
    """Groups of at least two alerts: what anybody would be told of."""
    return sum(size > 1 for size in Counter(groups).values())
