"""How well alerts are grouped: `python -m benchmarks.grouping`.

Storms whose truth is known (`client/storm`) go delivery by delivery through triage and grouping, on a
Postgres and an endpoint of the benchmark's own. Every pair of alerts of a storm is asked: one outage, one
incident? Beside it two plain rules on the same alerts. `--family` names one of client/storm's companies, on
which the weights of grouping were learned, or the file of another; `--wrong` shows what is grouped wrongly.
What the weights are worth on a company that they were not learned on: `python -m benchmarks.kinship`.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks.counted_pairs import Pairs, incidents_of
from benchmarks.report import machine, table, verdict
from benchmarks.storms import Grouped, laboratory, play, triage
from client.storm import family, storm
from client.storm.families import FAMILIES

WINDOW = timedelta(minutes=30)
LEAST_F1, LEAST_PRECISION = 0.90, 0.95
Rule = Callable[[Sequence[Grouped]], list[Hashable]]


def ours(alerts: Sequence[Grouped]) -> list[Hashable]:
    """What Sightline made of them; an alert without an incident is alone."""
    return [alert.incident or number for number, alert in enumerate(alerts)]


def same_service(alerts: Sequence[Grouped]) -> list[Hashable]:
    """With the last alert of its service, if that is at most half an hour ago."""
    return _chained(alerts, [alert.service for alert in alerts])


def everything(alerts: Sequence[Grouped]) -> list[Hashable]:
    """With the last alert of all, if that is at most half an hour ago."""
    return _chained(alerts, ["all"] * len(alerts))


def _chained(alerts: Sequence[Grouped], keys: Sequence[str | None]) -> list[Hashable]:
    last: dict[str, tuple[datetime, int]] = {}
    groups: list[Hashable] = []
    for number, (alert, key) in enumerate(zip(alerts, keys, strict=True)):
        at, group = last.get(key or "", (datetime.min.replace(tzinfo=alert.occurred_at.tzinfo), number))
        group = group if key and alert.occurred_at - at <= WINDOW else number
        if key:
            last[key] = alert.occurred_at, group
        groups.append(group)
    return groups


RULES: dict[str, Rule] = {
    "Sightline": ours,
    "same service within 30 minutes": same_service,
    "everything within 30 minutes": everything,
}


def rows(storms: Sequence[Sequence[Grouped]]) -> list[list[str]]:
    """One for each rule, over all storms."""
    outages = sum(len({alert.truth for alert in alerts if not alert.noise}) for alerts in storms)
    found = []
    for name, rule in RULES.items():
        pairs, worst, groups = Pairs(), 1.0, 0
        for alerts in storms:
            alone, named = Pairs(), rule(alerts)
            for counted in (pairs, alone):
                counted.add(alerts, named)
            worst, groups = min(worst, alone.f1), groups + incidents_of(named)
        figures = [f"{value:.3f}" for value in (pairs.precision, pairs.recall, pairs.f1, worst)]
        found.append([name, *figures, f"{groups} / {outages}"])
    return found


def show_wrong(alerts: Sequence[Grouped]) -> None:
    """Incidents that mix outages, and outages in several incidents."""
    by_group: dict[Hashable, list[Grouped]] = defaultdict(list)
    for alert, group in zip(alerts, ours(alerts), strict=True):
        by_group[group].append(alert)
    for group, members in by_group.items():
        truths = Counter(alert.truth for alert in members)
        if len(truths) > 1:
            print(f"\nmixed {group}: {dict(truths)}")
            print(
                "\n".join(
                    f"  {alert.occurred_at:%H:%M:%S} {alert.truth} | {alert.monitor} ({alert.because})"
                    for alert in members
                )
            )
    for truth in sorted({alert.truth for alert in alerts if not alert.noise}):
        parts = [[one for one in members if one.truth == truth] for members in by_group.values()]
        parts = sorted((part for part in parts if part), key=len, reverse=True)
        for part in parts[1:]:
            print(f"\nsplit from {truth}:")
            print(
                "\n".join(
                    f"  {alert.occurred_at:%H:%M:%S} {alert.monitor} ({alert.because})" for alert in part
                )
            )


def main() -> None:
    """Plays the storms and prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--family", default="everyday", help=f"{', '.join(FAMILIES)}, or a family's file")
    parser.add_argument("--seeds", type=int, nargs=2, default=(100, 112), metavar=("FIRST", "END"))
    parser.add_argument("--no-map", action="store_true", help="Without telling who calls whom.")
    parser.add_argument("--wrong", action="store_true", help="Show what was grouped wrongly.")
    asked = parser.parse_args()
    about, chosen = machine(), family(FAMILIES.get(asked.family) or Path(asked.family))
    services = {} if asked.no_map else chosen.service_map()
    storms = []
    with laboratory():
        for seed in range(*asked.seeds):
            storms.append(play(storm(seed, of=chosen), triage().take, calls=services))
            if asked.wrong:
                print(f"\n== storm {seed}")
                show_wrong(storms[-1])
    told = "no service map" if asked.no_map else "service map given"
    print(f"{about}\n{asked.family}, {len(storms)} storms, {sum(map(len, storms))} alerts, {told}\n")
    found = rows(storms)
    print(table(["rule", "precision", "recall", "F1", "worst storm", "incidents / outages"], found) + "\n")
    precision, f1 = float(found[0][1]), float(found[0][3])
    claim = f"F1 at least {LEAST_F1:.2f} with a precision of at least {LEAST_PRECISION:.2f}"
    print(verdict(claim, held=f1 >= LEAST_F1 and precision >= LEAST_PRECISION))


if __name__ == "__main__":
    main()
