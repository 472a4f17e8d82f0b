"""What is usual in alerts and needs no model: who sends them, tickets, emoji, written severities.

Used after the heads and not by their features, so that no head need be trained anew for a habit.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from gpu_endpoint.models.alert_rules import AFTER, BEFORE
from gpu_endpoint.models.spans import Stretch

SENDERS = (
    r"AlertSite|AppDynamics|BigPanda|Better Stack|Better Uptime|Bugsnag|Catchpoint|Checkly|Checkmk"
    r"|Chronosphere|Coralogix|Cronitor|Datadog|Dynatrace|FireHydrant|Freshservice|Grafana OnCall"
    r"|Healthchecks|Honeycomb|Icinga2?|incident\.io|Instana|Lightstep|LogicMonitor|Loggly|Logz\.io"
    r"|Moogsoft|Nagios(?: XI)?|Netdata|New Relic|NodePing|Observium|Opsgenie|Opsview|PagerDuty"
    r"|PagerTree|Papertrail|Pingdom|PRTG|Raygun|Rollbar|Rootly|Scout APM|Sensu|Sentry|ServiceNow"
    r"|SignalFx|SIGNL4|Site24x7|SolarWinds|Splunk(?: On-Call)?|Squadcast|StatusCake|Statuspage"
    r"|Sumo Logic|ThousandEyes|Uptime(?: Kuma|Robot|\.com)|VictorOps|Wavefront|xMatters|Zabbix|Zenduty"
)
"""Products that watch or forward; nobody has them as a service of their own."""
BEGINNING = r"(?:^|(?<=\n))(?:[^\w\n]|_|:[^\W_]\w*:|(?:Re|Fwd|FW|ALERT)\b)*"
"""Of a line, before its first word: signs, emoji, what mail puts there; all of it is read in one way only."""
NO_ENTITY = (
    re.compile(rf"{BEGINNING}({SENDERS})\b", re.IGNORECASE),
    re.compile(r"(?<![\w:])(:[a-z][a-z0-9]*(?:_[a-z0-9]+)*:)(?![\w:])", re.IGNORECASE),  # an emoji's name
    re.compile(rf"{BEFORE}((?:INC|CHG|PRB|TKT|CASE|REQ|RITM|SUP|OPS)-?\d{{3,}}){AFTER}", re.IGNORECASE),
    re.compile(r"(?<=\w)\[(\d+)\]:"),  # the number of a process, in a line of syslog
)
"""What their group finds is no entity."""
LINE = re.compile(r".+")
BETWEEN_PARTS = re.compile(r"(?<= )/(?= )")
"""A disk; where a line has several, what stands between its parts."""

LEVELS = {
    "critical": "critical|crit|fatal|emergency|disaster",
    "high": "high|major|error|severe",
    "medium": "medium|moderate|average|warning|warn",
    "low": "low|minor",
    "info": "info|informational|information|notice|debug",
}
LEVEL_OF = {word: level for level, words in LEVELS.items() for word in words.split("|")}
NUMBERED = ("critical", "critical", "high", "medium", "low", "info")
"""By the number that is written after P, SEV or priority."""
AZURE = ("critical", "high", "medium", "low", "info")
"""Sev0 to Sev4. Source: common alert schema of Azure Monitor."""
OVER = re.compile(
    rf"{BEGINNING}(?:(?:{SENDERS})\W+)?(?:RESOLVED|RECOVERED|RECOVERY|CLEARED|CLOSED|OK(?=\s*[\]:-]))(?!\w)"
    r"|^\W*(?:Resolved|Recovered|Recovery|Closed)[\]:]"
    r"|^\s*(?:✅|🟢|:(?:white_check_mark|heavy_check_mark|large_green_circle):)"
)
SAID = re.compile(
    r"\b(?:(?:severity|priority|urgency|prio)\b[\"']?\s{0,3}[:=]?|level[\"']?\s{0,3}[:=])\s{0,3}[\"'*`\[(]*"
    rf"({'|'.join(LEVEL_OF)})\b",
    re.IGNORECASE,
)
AS_NUMBER = (
    (re.compile(r"(?<![\w.-])P([0-5])(?![\w.%-])"), NUMBERED),
    (re.compile(r"\bSev([0-4])\b"), AZURE),
    (re.compile(r"(?<!\w)(?:SEV-?|sev-|Sev[ -])([0-5])(?!\w)"), NUMBERED),
    (re.compile(r"\b(?:priority|prio)[\"']?\s*[:=]\s*[\"']?([1-5])(?![\w.%])", re.IGNORECASE), NUMBERED),
)
WRITTEN_CONFIDENCE = 0.98
"""A severity that is written out is the alert's no less often, on alerts of validation templates."""
HABITS = (*NO_ENTITY, BETWEEN_PARTS, OVER, SAID, *(pattern for pattern, _ in AS_NUMBER))


def plausible(text: str, found: Sequence[Stretch]) -> list[Stretch]:
    """Without what the model took for an entity and never is one."""
    never = sorted(no_entities(text))
    starts = [start for start, _ in never]
    reached = [0, *accumulate((end for _, end in never), max)]
    return [one for one in found if one.end > reached[bisect_right(starts, one.start)]]


def no_entities(text: str) -> Iterator[tuple[int, int]]:
    """Where nothing is named."""
    for pattern in NO_ENTITY:
        for match in pattern.finditer(text):
            yield match.span(1)
    for line in LINE.finditer(text):
        slashes = [match.span() for match in BETWEEN_PARTS.finditer(text, *line.span())]
        if len(slashes) > 1:
            yield from slashes


def written_severity(text: str) -> str | None:
    """The severity that an alert writes out; one that is over is info, whatever it was."""
    if OVER.search(text):
        return "info"
    if said := SAID.search(text):
        return LEVEL_OF[said.group(1).lower()]
    if text.isupper():
        return None  # Azure's Sev1 and everybody else's SEV1 look the same
    for pattern, levels in AS_NUMBER:
        if numbered := pattern.search(text):
            return levels[int(numbered.group(1))]
    return None


def severities(text: str, chances: Mapping[str, float]) -> dict[str, float]:
    """The head's chances, given what the text writes out."""
    if (written := written_severity(text)) is None:
        return dict(chances)
    rest = 1 - WRITTEN_CONFIDENCE
    return {name: rest * chance + (name == written) * WRITTEN_CONFIDENCE for name, chance in chances.items()}
