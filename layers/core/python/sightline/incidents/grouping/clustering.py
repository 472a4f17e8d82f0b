"""Which alerts of a family are one incident: decided of all of them together, so that the order in which they
arrived cannot change it.

They are taken in the order in which they began. Each joins the incident that it fits best, if it fits well
enough, or begins one; then incidents that fit each other become one. Fitting is a matter of all alerts of an
incident and not of one: average linkage, which a single chance alert does not mislead as single linkage is
(Manning et al., Introduction to Information Retrieval, 17.2-17.3).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FITS = 0.6
"""Log odds from which an alert joins and two incidents become one."""
BEST = 0.5
"""The share of the best pair of each alert in how well two incidents fit; the rest is all pairs' mean."""
LARGE = 0.5
"""How much better two must fit with each doubling of the smaller: more is wrong if it is wrong."""


@dataclass(slots=True)
class Group:
    """Some alerts by their place. held: those of an incident that a person made; such stay as they are."""

    members: list[int] = field(default_factory=list)
    held: frozenset[int] = frozenset()


def fit(points: Floats, ones: Sequence[int], others: Sequence[int]) -> float:
    """How well two incidents fit, from the points of all their pairs."""
    pairs = points[np.ix_(ones, others)]
    best = (pairs.max(axis=0).mean() + pairs.max(axis=1).mean()) / 2
    return float((1 - BEST) * pairs.mean() + BEST * best - LARGE * np.log2(min(pairs.shape)))


def groups_of(
    points: Floats,
    held: Sequence[int | None],
    may_join: Callable[[frozenset[int], frozenset[int]], bool] = lambda _, __: True,
) -> list[Group]:
    """points: of each pair of alerts, in the order in which they began. Shapes: (n, n).

    held: of each alert the number of the held incident that it is in. may_join: whether incidents that are
    held may become one.
    """
    groups = _held(held)
    for place in (place for place, number in enumerate(held) if number is None):
        alone = Group([place])
        home = _fitting(points, alone, groups, may_join)
        if home is None:
            groups.append(alone)
            continue
        home.members.append(place)
        while other := _fitting(points, home, groups, may_join):
            groups.remove(other)
            home.members += other.members
            home.held |= other.held
    for group in groups:
        group.members.sort()
    return sorted(groups, key=lambda group: group.members)


def _held(held: Sequence[int | None]) -> list[Group]:
    found: dict[int, Group] = {}
    for place, number in enumerate(held):
        if number is not None:
            found.setdefault(number, Group(held=frozenset({number}))).members.append(place)
    return list(found.values())


def _fitting(
    points: Floats,
    group: Group,
    others: Sequence[Group],
    may_join: Callable[[frozenset[int], frozenset[int]], bool],
) -> Group | None:
    """The one that it fits best, if it fits well enough; the first of several alike."""
    nearest = points[group.members].max(axis=0)
    best: tuple[float, Group] | None = None
    for other in others:
        if other is group or nearest[other.members].max() < FITS or not may_join(group.held, other.held):
            continue
        score = fit(points, group.members, other.members)
        if score >= FITS and (best is None or score > best[0]):
            best = score, other
    return best[1] if best else None
