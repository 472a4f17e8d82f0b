"""The calls that tell a channel something: what is sent, and what a dry-run shows, come from here alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sightline.incidents.notices import mail, slack
from sightline.incidents.notices.wording import Story
from sightline.ports import Mail

WEBHOOK, POST, UPDATE = "incoming webhook", "chat.postMessage", "chat.update"


@dataclass(frozen=True, slots=True)
class Call:
    """One call. repeatable: made twice, it is as made once."""

    method: str
    body: Mapping[str, Any]
    repeatable: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where a channel leads, and where the incident's message stands there if it does."""

    kind: str
    name: str
    settings: Mapping[str, Any]
    message_id: str
    conversation: str | None = None
    ts: str | None = None


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
        named = {"event_type": "sightline_incident", "event_payload": {"message_id": place.message_id}}
        return [Call(POST, {**new, **body, "metadata": named})]
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
