"""What a question is asked of, read again only when the workspace's data has changed."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sightline.database import Connection
from sightline.scenarios.answers import SearchModel
from sightline.scenarios.filters import Filters
from sightline.scenarios.store import count_matching
from sightline.vectors.background import Ground, background_sample
from sightline.vectors.spaces import Space, find_space, space_of_model

Read = TypeVar("Read")


class OfVersion(Generic[Read]):
    """The last few things that this process read of workspaces, each good while its data is as it was.

    keep_s: what is deleted leaves the tables some time after it has left the answers.
    """

    def __init__(
        self, *, size: int, keep_s: float = 300, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._size, self._keep_s, self._clock = size, keep_s, clock
        self._kept: OrderedDict[Hashable, tuple[int, float, Read]] = OrderedDict()

    def get(self, key: Hashable, version: int, read: Callable[[], Read]) -> Read:
        """version: of the data, known before it is read: what changes meanwhile has another."""
        kept = self._kept.pop(key, None)
        if kept is None or kept[0] != version or kept[1] < self._clock() - self._keep_s:
            kept = version, self._clock(), read()
        self._kept[key] = kept
        while len(self._kept) > self._size:
            self._kept.popitem(last=False)
        return kept[2]


# A sample is 0.5 MB.
_grounds: OfVersion[Ground | None] = OfVersion(size=8)
_counts: OfVersion[int] = OfVersion(size=256)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace as one search sees it."""

    id: str
    version: int

    def ground(self, conn: Connection, model: SearchModel) -> Ground | None:
        """As ground_for()."""
        return _grounds.get((self.id, model.id, model.dim), self.version, lambda: ground_for(conn, model))

    def count(self, conn: Connection, filters: Filters) -> int:
        """How many frames the filters leave. Raises: ValidationError."""
        key = self.id, filters.model_dump_json(exclude_none=True)
        return _counts.get(key, self.version, lambda: count_matching(conn, filters))


def space_for(conn: Connection, model: SearchModel) -> Space | None:
    """The space of a question's model; None while nothing was indexed with it."""
    if model.dim:
        return find_space(conn, model_id=model.id, dim=model.dim)
    return space_of_model(conn, model.id)


def ground_for(conn: Connection, model: SearchModel) -> Ground | None:
    """What a question of this model is asked of; None while nothing was indexed with it."""
    space = space_for(conn, model)
    return Ground(space, background_sample(conn, space=space)) if space else None
