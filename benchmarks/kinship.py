"""Learns what speaks for two alerts being one outage: `python -m benchmarks.kinship`.

Plays storms of several companies (client/storm), reads them in memory (benchmarks/storm_rows), and learns
what sightline/incidents/grouping/evidence.py weighs. First it shows how well that groups the storms of each
company when learned on the others, with a service map and without; then it learns of all together, and with
`--write` that becomes grouping/learned.json. `--strangers FILE...` learns nothing: it shows how other
companies' storms are grouped by what is in use.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.counted_pairs import Pairs, incidents_of
from benchmarks.kinship_learning import Told, learn, use
from benchmarks.report import table
from benchmarks.storm_rows import heard, judges
from client.storm import family, storm
from client.storm.families import FAMILIES
from sightline.incidents.grouping.learned import FILE, Learned
from sightline.incidents.grouping.topology import calls_of, topology_of

COLUMNS = ["company", "service map", "precision", "recall", "F1", "incidents / outages"]
NOBODY = topology_of(())


def measured(told: Sequence[Told], all_of_them: Pairs) -> list[str]:
    """How well these storms are grouped by what is in use."""
    pairs, incidents, outages = Pairs(), 0, 0
    for one in told:
        groups = one.groups()
        for counted in (pairs, all_of_them):
            counted.add(one.heard, groups)
        incidents += incidents_of(groups)
        outages += len({alert.truth for alert in one.heard if not alert.noise})
    return [*_figures(pairs), f"{incidents} / {outages}"]


def _figures(pairs: Pairs) -> list[str]:
    return [f"{value:.3f}" for value in (pairs.precision, pairs.recall, pairs.f1)]


def left_out(told: dict[str, list[Told]]) -> list[list[str]]:
    """Each company by what was learned on the others; then all of them."""
    found, given, none = [], Pairs(), Pairs()
    for name, own in told.items():
        use(learn({other: storms for other, storms in told.items() if other != name}))
        half = len(own) // 2
        found += [
            [name, "given", *measured(own[:half], given)],
            [name, "none", *measured(own[half:], none)],
        ]
    return [*found, ["all", "given", *_figures(given), ""], ["all", "none", *_figures(none), ""]]


def strangers(paths: Sequence[Path], seeds: range) -> list[list[str]]:
    """Companies that nothing was learned of, by what is in use; then all of them."""
    models, found, given, none = judges(), list[list[str]](), Pairs(), Pairs()
    for path in paths:
        company = family(path)
        storms = [heard(storm(seed, of=company), models) for seed in seeds]
        for word, topology, pairs in (
            ("given", topology_of(calls_of(company.service_map())), given),
            ("none", NOBODY, none),
        ):
            told = [Told(one, topology) for one in storms]
            found.append([path.stem, word, *measured(told, pairs)])
    return [*found, ["all", "given", *_figures(given), ""], ["all", "none", *_figures(none), ""]]


def write(found: Learned) -> None:
    """Where grouping reads it."""
    routine = [round(float(value), 2) for value in found.routine]
    said = json.dumps({"pairs": found.pairs, "usual": found.usual, "routine": []}, indent=1)
    Path(str(FILE)).write_text(said.replace("[]", json.dumps(routine)) + "\n")


def main() -> None:
    """Prints what was learned, and how much it is worth."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, nargs=2, default=(200, 208), metavar=("FIRST", "END"))
    parser.add_argument("--write", action="store_true", help="Let grouping decide by it from now on.")
    parser.add_argument("--strangers", type=Path, nargs="+", help="Files of companies, as client/storm has.")
    asked = parser.parse_args()
    if asked.strangers:
        print(table(COLUMNS, strangers(asked.strangers, range(*asked.seeds))))
        return
    models, told = judges(), dict[str, list[Told]]()
    for name, path in FAMILIES.items():
        company = family(path)
        mapped = topology_of(calls_of(company.service_map()))
        storms = [heard(storm(seed, of=company), models) for seed in range(*asked.seeds)]
        told[name] = [Told(one, mapped) for one in storms] + [Told(one, NOBODY) for one in storms]
    print(table(COLUMNS, left_out(told)) + "\n")
    found = learn(told)
    print(json.dumps(found.pairs, indent=1))
    if asked.write:
        write(found)


if __name__ == "__main__":
    main()
