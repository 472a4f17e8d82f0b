"""Pure decisions of notifications: what concerns people, which channels, at which hour, and when again."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from random import Random
from typing import Any, get_args
from urllib.parse import urlsplit

from sightline.errors import ForbiddenAddressError
from sightline.incidents.schemas import Severity
from sightline.outgoing import rules as outgoing

SEVERITIES: tuple[Severity, ...] = get_args(Severity)
"""From the gravest down."""
UNTOLD = frozenset({"alert_joined", "noted"})
"""Kinds of changes that concern nobody who is not looking at the incident."""
OVER = frozenset({"resolved", "merged", "gathering"})
"""Nothing is to be done about it: one that gathers has not opened yet, or was withdrawn."""
SLACK_HOST = "hooks.slack.com"
SLACK_API = "https://slack.com/api"

# Seconds after each failed attempt: eight attempts in about two hours, after which it is told no more. What
# changes meanwhile is told by the same attempts, and begins them anew.
PAUSES_S: Sequence[int] = (2, 10, 60, 5 * 60, 15 * 60, 30 * 60, 60 * 60)


def concerns(kinds: Collection[str]) -> bool:
    """Whether people are told of changes of these kinds."""
    return not UNTOLD.issuperset(kinds)


def unopened(incident: Mapping[str, Any]) -> bool:
    """Too little to tell anybody of: yet, or since its alerts turned out to be another's."""
    return bool(incident["status"] == "gathering")


def snoozed_until(incident: Mapping[str, Any], *, now: datetime | None = None) -> datetime | None:
    """Until when nobody is told of it; that it is over is told all the same."""
    until: datetime | None = incident["snoozed_until"]
    asleep = until is not None and until > (now or datetime.now(UTC)) and incident["status"] not in OVER
    return until if asleep else None


def unwanted(
    channel: Mapping[str, Any],
    incident: Mapping[str, Any],
    *,
    teams: Collection[str],
    known: bool,
    opens: bool,
) -> str | None:
    """Why a channel is not told of an incident; one that it was told of stays its own."""
    if known:
        return None
    if unopened(incident):
        return "It has not opened yet."
    if incident["status"] in OVER and not opens:
        return "It was over before the channel was told of it."
    if SEVERITIES.index(incident["severity"]) > SEVERITIES.index(channel["min_severity"]):
        return f"It is less than {channel['min_severity']}."
    if channel["services"] and not set(channel["services"]) & set(incident["services"]):
        return "It is of other services."
    if channel["teams"] and not set(channel["teams"]) & set(teams):
        return "It is another team's."
    return None


def missed(incident: Mapping[str, Any], *, told: bool, held: bool, quiet: Mapping[str, Any] | None) -> bool:
    """Whether what waits need not be told any more. After quiet hours people read what there was."""
    if told or incident["status"] not in OVER:
        return False
    return unopened(incident) or (held and quiet is None)


def quiet_until(quiet: Mapping[str, Any] | None, *, severity: str, clock: datetime) -> datetime | None:
    """The end of the quiet hours that this moment of the place's clock is in; begin and end alike: never."""
    if quiet is None or severity in quiet["breaks_through"]:
        return None
    begin, end = time.fromisoformat(quiet["begin"]), time.fromisoformat(quiet["end"])
    now = clock.time()
    inside = begin <= now < end if begin <= end else now >= begin or now < end
    if not inside:
        return None
    return datetime.combine(clock.date() if now < end else clock.date() + timedelta(days=1), end)


def link(incident: Mapping[str, Any], *, console_url: str) -> str | None:
    """Where people look at it, if the stage has a console."""
    return f"{console_url.rstrip('/')}/incidents/{incident['id']}" if console_url else None


def pause_s(tries: int, *, asked_s: float | None, random: Random) -> float | None:
    """Seconds until the next attempt after so many tries; None when it was the last."""
    return outgoing.pause_s(tries, asked_s=asked_s, random=random, pauses_s=PAUSES_S)


def check_slack_address(url: str, *, loopback: bool) -> None:
    """An incoming webhook's: Slack's own host, and on local stages this machine.

    Raises: ForbiddenAddressError.
    """
    outgoing.check_form(url, loopback=loopback)
    if urlsplit(url).hostname != SLACK_HOST and not _is_here(url, loopback=loopback):
        raise ForbiddenAddressError(f"An incoming webhook's address begins with https://{SLACK_HOST}/.")


def check_slack_api(url: str, *, loopback: bool) -> None:
    """Raises: ForbiddenAddressError where it is neither Slack's nor, on local stages, this machine's."""
    if url != SLACK_API and not _is_here(url, loopback=loopback):
        raise ForbiddenAddressError(f"Slack's Web API is at {SLACK_API}.")


def _is_here(url: str, *, loopback: bool) -> bool:
    """The sender checks again what the name stands for."""
    return loopback and urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
