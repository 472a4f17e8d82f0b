"""Which alerts belong together, and what becomes of an incident: pure decisions.

Belonging is a matter of two alerts alone, so that the order in which they arrive cannot change it: an
incident is a connected set of linked alerts.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from sightline.incidents.grouping.names import Named, rule_of
from sightline.incidents.grouping.schemas import Facts, IncidentStatus, Settings
from sightline.incidents.schemas import Severity

Kind = Literal[
    "service",
    "host",
    "zone",
    "mention",
    "both",
    "calls",
    "called",
    "spreading",
    "local",
    "category",
]

# Points of a pair; from 1 on it is linked. Found by a random search on client/storm's everyday family,
# seeds 0 to 9, with and without its service map, for F1 at a precision of 0.96 (docs/grouping.md).
POINTS: Mapping[Kind, float] = {
    "service": 0.73, "host": 0.69, "zone": 0.70, "mention": 0.68, "both": 0.25, "calls": 0.18,
    "called": 0.18, "spreading": 0.55, "local": 0.37, "category": 0.37,
}  # fmt: skip
"""For what two alerts share, each kind once. calls: it depends on the other's service; called: reversed."""
SIMILAR = 0.74
"""For vectors that are the same."""
NEUTRAL = 0.85
"""The similarity of alerts of which one has no vector: one service within some minutes is enough then."""
FELT, FELT_ABOVE = 0.23, 0.25
"""One of two on a service or host is what users feel; what depends on the other's service is felt to fail."""
MINOR, UNSURE = 0.46, 0.12
"""Taken off where one is of severity low or info; and for each that is of medium and no symptom."""
FADES_S = 2400
"""Seconds apart that take a whole point off."""
WINDOW_S = 1200
"""Alerts that began further apart than this are never compared, except under the same name."""
ALIKE = 0.4
"""Similarity from which the same category, of two causes at different services, counts."""
CAUSES = frozenset({"database", "queue", "network", "capacity", "security", "deployment", "data"})
"""Categories of what is broken; the others are of what is felt."""
SPREADING = frozenset({"errors", "network", "queue", "database", "latency"})
"""Categories of which the same words at several services mean one cause; a disk is full here and there."""
JUDGED = 0.5
"""Confidence from which a model's category counts."""
STEPS = (5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000)
"""Numbers of alerts that people are told of."""
SEVERITIES: Sequence[Severity] = get_args(Severity)
A_SYMPTOM, A_MINOR, A_GUESS = 1, 2, 4


@dataclass(frozen=True, slots=True)
class Kin:
    """An alert as it is compared.

    keys: what others find it by. asks: another's key -> what it means if that one has it, and in words.
    traits: A_SYMPTOM, A_MINOR and A_GUESS, together.
    """

    keys: tuple[str, ...]
    asks: Mapping[str, Sequence[tuple[Kind, str]]]
    traits: int


@dataclass(frozen=True, slots=True)
class Link:
    """Why two alerts belong together."""

    score: float
    because: tuple[str, ...]


def kin_of(alert: Mapping[str, Any], calls: Collection[tuple[str, str]] = ()) -> Kin:
    """alert: its row. calls: the service map, who depends on whom."""
    named = Named(alert, {name for pair in calls for name in pair})
    keys = [("host", name) for name in named.hosts] + [("zone", name) for name in named.zones]
    keys += [("service", name) for name in named.services] + [("mention", name) for name in named.mentioned]
    if not named.symptom:
        spreads = "spreading" if alert["category"] in SPREADING else "local"
        keys += [(spreads, rule_of(alert))] + [("category", alert["category"])] * _judged(alert)
    asks: dict[str, list[tuple[Kind, str]]] = {}
    for label, text, kind, words in _asks(named, keys, calls):
        asks.setdefault(_key(named, label, text), []).append((kind, words))
    return Kin(
        keys=tuple(sorted(_key(named, *key) for key in keys)),
        asks=asks,
        traits=_traits(alert, symptom=named.symptom),
    )


def _asks(
    named: Named, keys: Sequence[tuple[str, str]], calls: Collection[tuple[str, str]]
) -> Iterator[tuple[str, str, Kind, str]]:
    """A key of another's, and what it means."""
    for label, text in keys:
        yield label, text, *_MEANT[label](text)
    for name in named.services:
        yield "mention", name, "mention", f"one names {name}"
    for name in named.mentioned:
        yield "service", name, "mention", f"one names {name}"
    for above, below in calls:
        if above in named.services:
            yield "service", below, "calls", f"{above} depends on {below}"
        if below in named.services:
            yield "service", above, "called", f"{above} depends on {below}"


_MEANT: Mapping[str, Callable[[str], tuple[Kind, str]]] = {
    "service": lambda text: ("service", f"service {text}"),
    "mention": lambda text: ("both", f"both name {text}"),
    "host": lambda text: ("host", f"host {text}"),
    "zone": lambda text: ("zone", f"zone {text}"),
    "spreading": lambda _: ("spreading", "the same words"),
    "local": lambda _: ("local", "the same words"),
    "category": lambda text: ("category", f"both about {text}"),
}


def _key(named: Named, label: str, text: str) -> str:
    """`production/service:checkout`: alerts of different environments share none."""
    return f"{named.environment}/{label}:{text}"[:300]


def _judged(alert: Mapping[str, Any]) -> bool:
    """Whether a model is sure of what is broken."""
    sure = alert["category_confidence"]
    return alert["category_by"] != "rule" and alert["category"] in CAUSES and (sure or 0) >= JUDGED


def _traits(alert: Mapping[str, Any], *, symptom: bool) -> int:
    minor = rank(alert["severity"]) >= rank("low")
    guess = alert["severity"] == "medium" and not symptom
    return A_SYMPTOM * symptom + A_MINOR * minor + A_GUESS * guess


def moment_of(at: datetime) -> datetime:
    """To the minute: an alert that repeats every second is found by no more than one moment of each."""
    return at.replace(second=0, microsecond=0)


def link(
    kin: Kin, *, keys: Collection[str], traits: int, similarity: float | None, apart_s: float
) -> Link | None:
    """Whether an alert belongs to another, of which it has these keys and traits in common, and why."""
    found = {kind: words for key in sorted(keys) for kind, words in kin.asks.get(key, ())}
    similar = NEUTRAL if similarity is None else similarity
    if "category" in found and ("spreading" in found or "local" in found or similar < ALIKE):
        del found["category"]
    if "service" in found:
        found = {kind: words for kind, words in found.items() if kind not in ("calls", "called")}
    if not found:
        return None
    score = _points(found, kin.traits, traits) + SIMILAR * similar - apart_s / FADES_S
    if score < 1:
        return None
    words = [found[kind] for kind in sorted(found, key=lambda kind: (-POINTS[kind], kind))]
    if similarity is not None:
        words.append(f"{similarity:.2f} similar")
    return Link(round(score, 3), (*dict.fromkeys(words), apart(apart_s)))


def _points(found: Collection[Kind], mine: int, theirs: int) -> float:
    """Of what is shared, and of what the two are."""
    points = sum(POINTS[kind] for kind in found)
    felt_here = ("service" in found or "host" in found) and (mine | theirs) & A_SYMPTOM
    felt_above = ("calls" in found and mine & A_SYMPTOM) or ("called" in found and theirs & A_SYMPTOM)
    minor = (mine | theirs) & A_MINOR
    guesses = bool(mine & A_GUESS) + bool(theirs & A_GUESS)
    return (
        points
        + FELT * bool(felt_here)
        + FELT_ABOVE * bool(felt_above)
        - MINOR * bool(minor)
        - UNSURE * guesses
    )


def apart(seconds: float) -> str:
    """4 min apart."""
    return f"{seconds:.0f} s apart" if seconds < 90 else f"{seconds / 60:.0f} min apart"


def rank(severity: str) -> int:
    """0 is the gravest."""
    return SEVERITIES.index(severity)


def enough(facts: Facts, settings: Settings) -> bool:
    """Whether an incident is worth telling of."""
    if facts.loud >= settings.alerts_needed:
        return True
    at_once, gravest = settings.opens_at_once, facts.loud_severity
    return at_once is not None and gravest is not None and rank(gravest) <= rank(at_once)


def resolves_at(facts: Facts, settings: Settings) -> datetime | None:
    """When it resolves by itself, if nothing fires until then."""
    if facts.firing or not settings.auto_resolve or facts.quiet_since is None:
        return None
    return facts.quiet_since + timedelta(seconds=settings.resolve_after_s)


def status_of(
    status: IncidentStatus, resolved_at: datetime | None, *, by_person: bool, facts: Facts
) -> IncidentStatus:
    """Whether what was resolved goes on: a person's word stands until something new fires."""
    if status != "resolved" or facts.loud_since is None:
        return status
    again = not by_person or resolved_at is None or facts.loud_since > resolved_at
    return "open" if again else status


def step_of(alerts: int) -> int:
    """The largest number that was reached; 0 for none."""
    return max((step for step in STEPS if step <= alerts), default=0)
