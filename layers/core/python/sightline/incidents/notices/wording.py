"""What is said of an incident, before anybody's markup: plain words that slack.py and mail.py dress."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sightline.incidents.notices import rules

MAX_TITLE_CHARS, MAX_SUMMARY_CHARS = 200, 1500
MAX_SERVICES, MAX_NEWS = 12, 8
# Unicode and no :names:, so that they are the same in Slack, mail and a terminal.
SIGNS: Mapping[str, str] = {"critical": "🔴", "high": "🟠", "medium": "🟡", "low": "🔵", "info": "⚪"}
OVER_SIGN = "✅"
SLACK_ACTOR = re.compile(r"slack:([UW][A-Z0-9]{2,30})")


@dataclass(frozen=True, slots=True)
class News:
    """One change, and who made it where that was somebody in Slack."""

    text: str
    slack_user: str | None = None


@dataclass(frozen=True, slots=True)
class Story:
    """An incident as it is told. news: what changed since it was told last; none at first."""

    message_id: str
    number: int
    title: str
    severity: str
    status: str  # in words
    over: bool
    services: tuple[str, ...]
    environment: str | None
    owner: str | None
    alerts: int
    firing: int
    since: datetime
    until: datetime | None
    summary: str | None = None
    link: str | None = None
    news: tuple[News, ...] = ()

    @property
    def name(self) -> str:
        return f"INC-{self.number}"

    @property
    def sign(self) -> str:
        return OVER_SIGN if self.over else SIGNS[self.severity]

    @property
    def headline(self) -> str:
        """One line that says it all: what a phone shows."""
        return f"{self.sign} {self.name} {self.title} ({self.severity}, {self.status})"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What stands below the headline, but for the times, which each reader's clock tells."""
        more = len(self.services) - MAX_SERVICES
        services = [*self.services[:MAX_SERVICES], *([f"and {more} more"] if more > 0 else [])]
        found = [
            ("Severity", self.severity),
            ("Status", self.status),
            ("Services", ", ".join(services) or "none named"),
            ("Environment", self.environment or ""),
            ("Alerts", f"{self.alerts}, {self.firing} of them firing"),
            ("Owner", self.owner or "nobody yet"),
        ]
        return [(label, value) for label, value in found if value]


def story_of(
    incident: Mapping[str, Any],
    *,
    message_id: str,
    events: Sequence[Mapping[str, Any]] = (),
    summary: str | None = None,
    console_url: str = "",
    went_to: Sequence[int] = (),
) -> Story:
    """An incident's row, what happened to it since it was told last, and whose its alerts are now."""
    news = [one for one in map(news_of, events) if one is not None]
    return Story(
        message_id=message_id,
        number=incident["number"],
        title=one_line(incident["title"], MAX_TITLE_CHARS),
        severity=incident["severity"],
        status=_status(incident["status"], went_to),
        over=incident["status"] in rules.OVER,
        services=tuple(one_line(name, 80) for name in incident["services"]),
        environment=one_line(incident["environment"], 80) if incident["environment"] else None,
        owner=one_line(incident["owner"], 80) if incident["owner"] else None,
        alerts=incident["alert_count"],
        firing=incident["firing_count"],
        since=incident["first_alert_at"],
        until=incident["resolved_at"],
        summary=summary[:MAX_SUMMARY_CHARS] if summary else None,
        link=rules.link(incident, console_url=console_url),
        news=tuple(news[-MAX_NEWS:]),
    )


def _status(status: str, went_to: Sequence[int]) -> str:
    """In words. An incident that was told of and has not opened is one that was withdrawn."""
    others = ", ".join(f"INC-{number}" for number in went_to)
    if status == "gathering":
        return f"withdrawn: its alerts belong to {others or 'another incident'}"
    return f"{status} into {others}" if status == "merged" and others else status


def one_line(text: str, most: int) -> str:
    """Alert texts are anybody's: no line breaks, and no more of them than fits."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def news_of(event: Mapping[str, Any]) -> News | None:
    """A line of the timeline in words; None for what concerns nobody."""
    if event["kind"] in rules.UNTOLD:
        return None
    before, after = event["before"] or {}, event["after"] or {}
    text = _WORDS.get(event["kind"], _changed)(event["kind"], before, after)
    if event["reason"]:
        text += f": {one_line(event['reason'], 200)}"
    actor = SLACK_ACTOR.fullmatch(event["actor"])
    return News(text, actor[1] if actor else None)


def _changed(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Of a field: severity_changed is `Severity: high → critical`."""
    field = kind.removesuffix("_changed")
    old, new = (one_line(str(side.get(field) or "none"), 80) for side in (before, after))
    return f"{field.capitalize()}: {old} → {new}"


def _merged(_kind: str, _before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    other = f"INC-{after['number']}" if "number" in after else "another incident"
    return f"Merged into {other}" if "into" in after else f"{other} went into it"


def _plain(words: str) -> Any:
    return lambda _kind, _before, _after: words


_WORDS: Mapping[str, Any] = {
    "opened": _plain("Opened"),
    "merged": _merged,
    "split": _plain("Split"),
    "snoozed": _plain("Snoozed"),
    "unsnoozed": _plain("No longer snoozed"),
    "withdrawn": _plain("Withdrawn"),
    "reopened": _plain("Opened again"),
    "resolved": _plain("Resolved"),
    "summarised": _plain("Summary written"),
    "alerts_reached": lambda _kind, _before, after: f"{after.get('alerts') or 'More'} alerts by now",
}
