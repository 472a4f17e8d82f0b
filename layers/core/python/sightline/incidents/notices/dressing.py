"""The calls that tell a channel something: what is sent, and what a dry-run shows, come from here alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sightline.incidents.notices import mail, slack
from sightline.incidents.notices.wording import Story
from sightline.ports.outgoing import Mail

WEBHOOK, POST, UPDATE = "incoming webhook", "chat.postMessage", "chat.update"
HISTORY, MAX_HISTORY = "conversations.history", 100
SKEW = timedelta(seconds=30)
"""Between the database's clock and Slack's."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call. repeatable: made twice, it is as made once."""

    method: str
    body: Mapping[str, Any]
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a channel leads, and where the incident's message stands there if it does.

    astray: since when it may have been posted without anybody here knowing where it stands.
    """

    kind: str
    name: str
    settings: Mapping[str, Any]
    message_id: str
    conversation: str | None = None
    ts: str | None = None
    astray: datetime | None = None


def search(place: Place) -> Call | None:
    """Looks for a message of a bot that may be there."""
    if place.kind != "slack_bot" or place.ts is not None or place.astray is None:
        return None
    body = {
        "channel": place.settings["conversation"],
        "oldest": f"{(place.astray - SKEW).timestamp():.6f}",
        "include_all_metadata": True,
        "limit": MAX_HISTORY,
    }
    return Call(HISTORY, body, repeatable=True)


def calls(place: Place, stories: Sequence[Story]) -> list[Call]:
    """Of Slack, in order, for these incidents; none: a test."""
    if place.kind == "slack_bot":
        return _bot_calls(place, stories)
    if not stories:
        return [Call(WEBHOOK, slack.test_message(place.name))]
    if len(stories) > 1:
        return [Call(WEBHOOK, slack.digest(stories))]
    return [Call(WEBHOOK, slack.message(stories[0], buttons=False, news=True))]


def _bot_calls(place: Place, stories: Sequence[Story]) -> list[Call]:
    """A new message; or the one that is there made true again, and below it what changed."""
    new = {"channel": place.settings["conversation"]}
    if not stories:
        return [Call(POST, {**new, **slack.test_message(place.name)})]
    (story,) = stories
    body = slack.message(story, buttons=True, news=False)
    if place.ts is None:
        return [Call(POST, {**new, **body, "metadata": slack.metadata_of(place.message_id)})]
    there = {"channel": place.conversation}
    found = [Call(UPDATE, {**there, "ts": place.ts, **body}, repeatable=True)]
    if story.news:
        reply = {"thread_ts": place.ts, "text": slack.thread_text(story.news), **slack.QUIETLY}
        found.append(Call(POST, {**there, **reply}))
    return found


def letter(place: Place, stories: Sequence[Story]) -> Mail:
    """The mail for these incidents; none: a test."""
    to = place.settings["addresses"]
    if not stories:
        return mail.test_mail(place.name, to=to, conversation=place.message_id)
    if len(stories) > 1:
        return mail.digest_mail(stories, to=to, conversation=place.message_id)
    return mail.incident_mail(stories[0], to=to)
