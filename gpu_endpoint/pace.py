"""What a batch costs, learned from the batches just run: seconds = fixed + slope x size."""

from __future__ import annotations

MEMORY = 0.95  # what a batch still counts for when the next one has run: about the last twenty matter
SAME = 0.05  # sizes that vary by less than this share of their mean tell nothing about the slope
OUTLIER = 4.0  # times the expected; a first run or a stalled machine is not what the next batch will cost
TRUSTED_AFTER = 8  # batches
LARGEST = 0.9  # per batch: how fast the largest of the recent batches is forgotten


class Pace:
    """A line through (size, seconds), fitted by least squares with exponentially fading weights."""

    def __init__(self) -> None:
        self.batches = 0
        self.fixed_s = 0.0
        self.slope_s = 0.0
        self.item_size = 1.0
        self._largest = 0.0
        self._weight = self._x = self._y = self._xx = self._xy = 0.0
        self._split = False

    def note(self, size: float, took_s: float, *, items: int) -> None:
        """Takes one batch into account; `size` is that of all its items, padded."""
        if self.batches >= TRUSTED_AFTER:
            expected_s = self.expect(size)
            took_s = min(took_s, OUTLIER * expected_s)
        share = (1 - MEMORY) if self.batches else 1.0
        self.item_size += share * (size / items - self.item_size)
        self._largest = max(size, LARGEST * self._largest)
        self.batches += 1
        self._weight = MEMORY * self._weight + 1
        self._x = MEMORY * self._x + size
        self._y = MEMORY * self._y + took_s
        self._xx = MEMORY * self._xx + size * size
        self._xy = MEMORY * self._xy + size * took_s
        self._fit()

    def expect(self, size: float, *, batches: int = 1) -> float:
        """Seconds that so much work takes; 0 while nothing is known.

        Before sizes have varied enough to tell fixed cost from slope, the dearer of the two readings counts.
        """
        if self._split or not self.batches:
            return batches * self.fixed_s + self.slope_s * size
        mean_size, mean_s = self._x / self._weight, self._y / self._weight
        return mean_s * max(batches, size / mean_size)

    def full_s(self, items: int, max_size: int = 0) -> float:
        """Seconds of a full batch of such items as come here; no less than for the largest of late."""
        size = items * self.item_size
        return self.expect(max(self._largest, min(size, max_size) if max_size else size))

    @property
    def waste_s(self) -> float:
        """What one batch more costs however small it is: that much waiting a fuller batch can be worth."""
        return self.fixed_s if self._split else 0.0

    @property
    def spare_size(self) -> int:
        """The size that costs as much as one batch more."""
        return int(self.fixed_s / self.slope_s) if self._split and self.slope_s else 0

    def _fit(self) -> None:
        mean_x, mean_y = self._x / self._weight, self._y / self._weight
        variance = self._xx / self._weight - mean_x * mean_x
        if variance > (SAME * mean_x) ** 2:
            covariance = self._xy / self._weight - mean_x * mean_y
            # Neither part can be negative: noise that says so moves all of the cost to the other.
            self.slope_s = min(max(0.0, covariance / variance), mean_y / mean_x)
            self.fixed_s = mean_y - self.slope_s * mean_x
            self._split = True
        elif self._split and (line := self.fixed_s + self.slope_s * mean_x) > 0:
            self.fixed_s *= mean_y / line
            self.slope_s *= mean_y / line
