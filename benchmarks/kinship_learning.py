"""What speaks for two alerts being one outage, learned from storms whose truth is known."""

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.storm_rows import Heard
from sightline.incidents.grouping import evidence as kin
from sightline.incidents.grouping import learned
from sightline.incidents.grouping.family import clusters, episodes
from sightline.incidents.grouping.learned import Learned
from sightline.incidents.grouping.names import rule_of
from sightline.incidents.grouping.schemas import Settings
from sightline.incidents.grouping.topology import Topology
from sightline.incidents.grouping.voices import voice_of

Floats = NDArray[np.float64]
HOLD, HOLD_ROUTINE = 2.0, 1.0
"""Ridge: how strongly a weight is held to zero, in pairs; and in rules."""
ROUNDS = 30
"""Steps of Newton's method; it stands still after ten."""
REOPEN_S = Settings().reopen_s


def regression(values: Floats, truth: Floats, hold: float) -> Floats:
    """Logistic regression by Newton's method. Shapes: (examples, features), (examples,)."""
    weights = np.zeros(values.shape[1])
    for _ in range(ROUNDS):
        chance = 1 / (1 + np.exp(-np.clip(values @ weights, -30, 30)))
        slope = values.T @ (chance - truth) + hold * weights
        curve = (values * (chance * (1 - chance))[:, None]).T @ values + hold * np.eye(len(weights))
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
        voices = [(one, voice_of(one.row, self.topology)) for one in self.heard if one.row["id"] in first]
        for place, (one, voice) in enumerate(voices):
            for other, there in voices[:place]:
                near = abs((voice.at - there.at).total_seconds()) <= kin.WINDOW_S
                if not near or voice.named.environment != there.named.environment:
                    continue
                if not (one.noise and one.truth == other.truth):
                    values, _ = kin.compared(voice, there, self.topology)
                    yield [values.get(name, 0.0) for name in kin.FEATURES], float(one.truth == other.truth)

    def groups(self) -> list[Hashable]:
        """Of each alert the incident that it is put into."""
        rows = [one.row for one in self.heard]
        found = clusters(rows, self.topology, reopen_s=REOPEN_S, may_join=lambda _, __: True)
        home = {row["id"]: number for number, cluster in enumerate(found) for row in cluster.rows}
        return [home[row["id"]] for row in rows]


Companies = Mapping[str, Sequence[Told]]


def learn(companies: Companies) -> Learned:
    """What reads like housekeeping is asked, for each company's pairs, of what the others taught: of its own
    words it would be surer than it can be of a stranger's."""
    values, truth = list[list[float]](), list[float]()
    for name, own in companies.items():
        use(_routine({other: told for other, told in companies.items() if other != name}))
        for one in own:
            for found, same in one.pairs():
                values.append(found)
                truth.append(same)
    weights = regression(np.array(values), np.array(truth), HOLD).round(2)
    routine = _routine(companies)
    return Learned(dict(zip(kin.FEATURES, weights.tolist(), strict=True)), routine.routine, routine.usual)


def use(found: Learned) -> None:
    """From now on this process decides by it."""
    learned.LEARNED = found
    kin.evidence.cache_clear()


def _routine(companies: Companies) -> Learned:
    """Each rule once: is it noise?"""
    said = {
        (name, rule_of(one.row), one.row["platform"], one.noise): one.row["vector"].to_numpy()
        for name, own in companies.items()
        for told in own
        for one in told.heard
    }
    vectors = np.array(list(said.values()), dtype=np.float64)
    noise = np.array([key[-1] for key in said], dtype=np.float64)
    mean = vectors.mean(axis=0)
    values = np.c_[vectors - mean, np.ones(len(vectors))]
    routine = regression(values, noise, HOLD_ROUTINE)[:-1].round(2)
    return Learned({}, routine.astype(np.float32), round(float(mean @ routine), 3))
