"""Where and how something on the road is to be painted."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Stance:
    """Foot point in px, px per metre there, the variant and the view ("" leaves it to chance)."""

    x: float
    y: float
    unit: float
    variant: str
    view: str  # rear, front, side
    rng: random.Random

    def seen(self, view: str, chance: float) -> bool:
        """Whether this view is asked for, or drawn where none is."""
        return self.view == view if self.view else self.rng.random() < chance
