"""Learns what speaks for two alerts being one outage: `python -m benchmarks.kinship`.

Plays storms of several companies (client/storm), reads them in memory (benchmarks/storm_rows), and fits the
weights of sightline/incidents/grouping/evidence.py. First it shows how well they group the storms of each
company when learned on the others, with a service map and without; last the weights of all together.
"""

import argparse
import json
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.counted_pairs import Pairs, incidents_of
from benchmarks.report import table
from benchmarks.storm_rows import Heard, heard, judges
from client.storm import family, storm
from client.storm.families import FAMILIES
from sightline.incidents.grouping import evidence as kin
from sightline.incidents.grouping.family import clusters, episodes
from sightline.incidents.grouping.schemas import Settings
from sightline.incidents.grouping.topology import Topology, calls_of, topology_of

Floats = NDArray[np.float64]
NAMES = tuple(kin.WEIGHTS)
HOLD = 2.0
"""Ridge: how strongly a weight is held to zero, in pairs."""
ROUNDS = 30
"""Steps of Newton's method; it stands still after ten."""


def learned(values: Floats, truth: Floats) -> Floats:
    """Logistic regression by Newton's method. Shapes: (pairs, features), (pairs,)."""
    weights = np.zeros(values.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(values @ weights, -30, 30)))
        slope = values.T @ (chance - truth) + HOLD * weights
        curve = (values * (chance * (1 - chance))[:, None]).T @ values + HOLD * np.eye(len(weights))
        weights -= np.linalg.solve(curve, slope)
    return weights


@dataclass(frozen=True)
class Told:
    """A storm as it was heard, and the map that its company gives or does not give."""

    heard: Sequence[Heard]
    topology: Topology

    def pairs(self) -> Iterator[tuple[list[float], float]]:
        """Of alerts near each other the values, and whether they are of one outage."""
        first = {told.rows[0]["id"] for told in episodes([one.row for one in self.heard], reopen_s=REOPEN_S)}
        voices = [(one, kin.voice_of(one.row, self.topology)) for one in self.heard if one.row["id"] in first]
        for place, (one, voice) in enumerate(voices):
            for other, there in voices[:place]:
                near = abs((voice.at - there.at).total_seconds()) <= kin.WINDOW_S
                if not near or voice.named.environment != there.named.environment:
                    continue
                if not (one.noise and one.truth == other.truth):
                    values, _ = kin.compared(voice, there, self.topology)
                    yield [values.get(name, 0.0) for name in NAMES], float(one.truth == other.truth)

    def groups(self) -> list[Hashable]:
        """Of each alert the incident that it is put into."""
        rows = [one.row for one in self.heard]
        found = clusters(rows, self.topology, reopen_s=REOPEN_S, may_join=lambda _, __: True)
        home = {row["id"]: number for number, cluster in enumerate(found) for row in cluster.rows}
        return [home[row["id"]] for row in rows]


REOPEN_S = Settings().reopen_s
NOBODY = topology_of(())


def weights_of(told: Sequence[Told]) -> dict[str, float]:
    """Learned from these storms."""
    values, truth = zip(*(pair for one in told for pair in one.pairs()), strict=True)
    return dict(zip(NAMES, learned(np.array(values), np.array(truth)).round(2).tolist(), strict=True))


def measured(told: Sequence[Told], weights: dict[str, float]) -> list[str]:
    """What these weights make of these storms."""
    pairs, incidents, outages = Pairs(), 0, 0
    kin.WEIGHTS = weights
    kin.evidence.cache_clear()
    for one in told:
        groups = one.groups()
        pairs.add(one.heard, groups)
        incidents += incidents_of(groups)
        outages += len({alert.truth for alert in one.heard if not alert.noise})
    return [
        *(f"{value:.3f}" for value in (pairs.precision, pairs.recall, pairs.f1)),
        f"{incidents} / {outages}",
    ]


def main() -> None:
    """Prints what was learned, and how much it is worth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs=2, default=(200, 208), metavar=("FIRST", "END"))
    asked = parser.parse_args()
    models, told = judges(), dict[str, list[Told]]()
    for name, path in FAMILIES.items():
        company = family(path)
        mapped = topology_of(calls_of(company.service_map()))
        storms = [heard(storm(seed, of=company), models) for seed in range(*asked.seeds)]
        told[name] = [Told(one, mapped) for one in storms] + [Told(one, NOBODY) for one in storms]
    found = []
    for name, own in told.items():
        weights = weights_of([one for other, storms in told.items() if other != name for one in storms])
        half = len(own) // 2
        found += [
            [name, "given", *measured(own[:half], weights)],
            [name, "none", *measured(own[half:], weights)],
        ]
    columns = ["company left out", "service map", "precision", "recall", "F1", "incidents / outages"]
    print(table(columns, found) + "\n")
    print(json.dumps(weights_of([one for storms in told.values() for one in storms]), indent=1))


if __name__ == "__main__":
    main()
