"""One batch on the lane's thread: when it fails, each request's items are tried apart."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from gpu_endpoint.cutting import Cut

Forward = Callable[[Sequence[Any]], Any]


@dataclass(frozen=True, slots=True)
class Ran:
    """One row, or the failure of its request, per item of the batch; and the seconds it took."""

    rows: Sequence[Any]
    took_s: float


@dataclass(frozen=True, slots=True)
class Failure:
    """What stands in the place of a row."""

    error: Exception


def run_batch(forward: Forward, batch: Cut) -> Ran:
    """Never raises: one request that breaks the model must not take its neighbours along."""
    began = time.monotonic()
    try:
        rows = run_items(forward, batch.taken)
    except Exception as error:  # noqa: BLE001 - whatever a model raises belongs to its callers
        rows = apart(forward, batch, error)
    return Ran(rows, time.monotonic() - began)


def run_items(forward: Forward, taken: Sequence[tuple[Any, int]]) -> Sequence[Any]:
    """Raises: whatever the model does, and RuntimeError when it answers for another number of items."""
    rows: Sequence[Any] = forward([parcel.items[position] for parcel, position in taken])
    if len(rows) != len(taken):
        raise RuntimeError(f"the model answered {len(rows)} rows for {len(taken)} items")
    return rows


def apart(forward: Forward, batch: Cut, error: Exception) -> Sequence[Any]:
    """Each request's part of a failed batch on its own; a lone request has had its try."""
    rows: list[Any] = [Failure(error)] * len(batch.taken)
    owners = list(dict.fromkeys(parcel for parcel, _ in batch.taken))
    if len(owners) == 1:
        return rows
    for owner in owners:
        places = [place for place, (parcel, _) in enumerate(batch.taken) if parcel is owner]
        try:
            answers = run_items(forward, [batch.taken[place] for place in places])
        except Exception as own:  # noqa: BLE001 - as above
            answers = [Failure(own)] * len(places)
        for place, answer in zip(places, answers, strict=True):
            rows[place] = answer
    return rows
