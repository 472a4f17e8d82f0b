"""What was learned of alerts, read from the file that `python -m benchmarks.kinship --write` writes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
FILE = files(__package__).joinpath("learned.json")


@dataclass(frozen=True, eq=False)
class Learned:
    """pairs: natural logarithms of odds, by what is so of two alerts.

    routine: what the document model's vector is multiplied with to tell housekeeping, such as a certificate
    that expires in weeks, from an outage's symptom; usual: what that gives for the average alert.
    """

    pairs: Mapping[str, float]
    routine: Floats
    usual: float

    def routine_of(self, vector: Floats | None) -> float:
        """How much it reads like housekeeping; as the average alert where no model saw it."""
        return 0.0 if vector is None else float(vector @ self.routine) - self.usual


def _read() -> Learned:
    found = json.loads(FILE.read_text())
    routine = np.array(found["routine"], dtype=np.float32)
    return Learned(pairs=found["pairs"], routine=routine, usual=found["usual"])


LEARNED = _read()
