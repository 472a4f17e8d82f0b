"""How alerts, times and lists are put into words."""

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from sightline.database import Row

MAX_LISTED = 4
MAX_TITLE, MAX_DESCRIPTION = 120, 300


def line_of(alert: Row) -> str:
    """One alert as a passage."""
    about = [
        alert["severity"],
        alert["category"],
        *(alert[name] for name in ("service", "host", "environment")),
    ]
    said = ", ".join(plain(one) for one in about if one)
    over = f"recovered at {clock(alert['recovered_at'])}" if alert["recovered_at"] else "firing"
    text = f"At {clock(alert['occurred_at'])} {alert['platform']}: {quoted(alert)} ({said}), {over}."
    more = plain(alert["description"])[:MAX_DESCRIPTION]
    return f"{text} {more}".strip()


def called(alert: Row) -> str:
    about = [plain(one) for one in (alert["service"], alert["platform"]) if one]
    return f"{quoted(alert)} ({', '.join(about)})"


def quoted(alert: Row) -> str:
    """Its title without the sender's leading [state]."""
    title = re.sub(r"^\s*\[[^\]]*\]\s*", "", alert["title"]) or alert["title"]
    return f'"{plain(title)[:MAX_TITLE]}"'


def plain(text: str) -> str:
    """On one line, without what would end a sentence or begin a command, or Datadog's marks of Markdown."""
    line = " ".join(text.replace("`", "'").replace("%%%", "").split())
    return re.sub(r"[.!?]+(?=\s|$)", ",", line).rstrip(",")


def clock(at: datetime) -> str:
    return f"{at:%H:%M} UTC"


def span(time: timedelta) -> str:
    seconds = max(0, int(time.total_seconds()))
    if seconds < 90:
        return f"{seconds} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def distinct(values: Iterable[str | None]) -> list[str]:
    return [plain(value) for value in dict.fromkeys(values) if value]


def listed(names: Sequence[str]) -> str:
    """The first few, and how many more."""
    if len(names) <= MAX_LISTED:
        return joined(names)
    return joined([*names[: MAX_LISTED - 1], f"{len(names) - MAX_LISTED + 1} more"])


def joined(names: Sequence[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
