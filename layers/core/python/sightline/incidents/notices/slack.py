"""What Slack is sent, and what its answers mean.

Sources: docs.slack.dev/reference/block-kit, /messaging/formatting-message-text (what to escape),
/messaging/sending-messages-using-incoming-webhooks, /reference/methods/chat.postMessage and chat.update.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from sightline.incidents.notices.wording import News, Story
from sightline.ports.outgoing import Posted

Json = dict[str, Any]
ACKNOWLEDGE, RESOLVE = "acknowledge", "resolve"
COLOURS: Mapping[str, str] = {
    "critical": "#b3261e", "high": "#e8710a", "medium": "#f2c200", "low": "#1a73e8", "info": "#9aa0a6",
}  # fmt: skip
OVER_COLOUR = "#2e7d32"
# Slack's: 3,000 characters a section, 2,000 a field. One character may take five when it is escaped.
MAX_SECTION_CHARS = 3000
MAX_DIGEST = 20
# Nothing in a text is made a mention, a channel, an emoji or a preview.
QUIETLY: Json = {"parse": "none", "link_names": False, "unfurl_links": False, "unfurl_media": False}
# Errors of the Web API after which the same call may go well: /reference/methods/chat.postMessage.
PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
# The message was deleted, or is too old to edit: it is told in a new one.
LOST = frozenset({"message_not_found", "cant_update_message", "edit_window_closed"})


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a call. unknown: it may have arrived, and is not made again."""

    status: Literal["sent", "retry", "failed", "unknown"]
    error: str | None = None
    http_status: int | None = None
    retry_after_s: float | None = None
    place: str | None = None
    ts: str | None = None
    lost: bool = False


def escape(text: str) -> str:
    """Control characters of mrkdwn: with these three nothing can name a user, a channel or everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def message(story: Story, *, buttons: bool, news: bool) -> Json:
    """One incident. news: what changed, in the message itself, where there is no thread for it."""
    return {
        "text": escape(story.headline),
        "attachments": [
            {
                "color": OVER_COLOUR if story.over else COLOURS[story.severity],
                "fallback": escape(story.headline),
                "blocks": _blocks(story, buttons=buttons, news=news),
            }
        ],
        "mrkdwn": False,
        **QUIETLY,
    }


def digest(stories: Sequence[Story]) -> Json:
    """What happened in quiet hours, a line for each incident."""
    lines = [f"{one.sign} *{one.name}* {escape(one.title)}: {one.severity}, {one.status}" for one in stories]
    more = len(lines) - MAX_DIGEST
    shown = [*lines[:MAX_DIGEST], *([f"and {more} more"] if more > 0 else [])]
    chunks = [shown[at : at + 5] for at in range(0, len(shown), 5)]
    text = f"While it was quiet: {len(stories)} incidents"
    return {"text": text, "blocks": [_section(text), *map(_lines, chunks)], **QUIETLY}


def thread_text(news: Sequence[News]) -> str:
    """What changed, for the thread below a message."""
    return "\n".join(map(_news_line, news))


def test_message(name: str) -> Json:
    """Proof that a channel works."""
    return {"text": f"This is a test of Sightline's channel {escape(name)}. Nothing happened.", **QUIETLY}


def _blocks(story: Story, *, buttons: bool, news: bool) -> list[Json]:
    title = story.title if story.link is None else f"<{story.link}|{escape(story.title)}>"
    head = f"*{story.name}* {title if story.link else escape(title)}"
    facts = [*story.facts, ("Since", "")]
    fields = [_text(f"*{label}*\n{escape(value) or _moment(story.since)}") for label, value in facts]
    if story.until is not None:
        fields.append(_text(f"*Until*\n{_moment(story.until)}"))
    blocks: list[Json] = [_section(head), {"type": "section", "fields": fields}]
    if story.summary:
        blocks.append(_section(escape(story.summary)))
    if news and story.news:
        blocks.append(_lines([_news_line(one) for one in story.news]))
    if buttons and not story.over:
        blocks.append({"type": "actions", "elements": _buttons(story)})
    return blocks


def _buttons(story: Story) -> list[Json]:
    found = [_button(RESOLVE, "Resolve", story)]
    if story.status == "open":
        found.insert(0, {**_button(ACKNOWLEDGE, "Acknowledge", story), "style": "primary"})
    return found


def _button(action: str, label: str, story: Story) -> Json:
    text = {"type": "plain_text", "text": label, "emoji": False}
    return {"type": "button", "action_id": action, "text": text, "value": story.message_id}


def _text(text: str) -> Json:
    return {"type": "mrkdwn", "text": text[:MAX_SECTION_CHARS], "verbatim": True}


def _section(text: str) -> Json:
    return {"type": "section", "text": _text(text)}


def _lines(lines: Sequence[str]) -> Json:
    return _section("\n".join(lines))


def _news_line(one: News) -> str:
    return f"• {escape(one.text)}" + (f", by <@{one.slack_user}>" if one.slack_user else "")


def _moment(at: Any) -> str:
    """By the reader's own clock; in UTC where that is not known."""
    return f"<!date^{int(at.timestamp())}^{{date_short_pretty}} {{time}}|{at:%Y-%m-%d %H:%M} UTC>"


def outcome_of(posted: Posted, *, by: str = "Slack") -> Outcome:
    """Of an attempt whose status says all."""
    if posted.status is None:
        # A connection that broke off says nothing of what arrived.
        return Outcome("unknown" if posted.begun else "retry", posted.error)
    if 200 <= posted.status < 300:
        return Outcome("sent", http_status=posted.status)
    error = posted.error or f"{by} answered {posted.status}{_word(posted.body)}."
    passing = posted.status == 429 or posted.status >= 500
    return Outcome("retry" if passing else "failed", error, posted.status, posted.retry_after_s)


def metadata_of(message_id: str) -> Json:
    """What a bot's message is known by when where it stands was never learned."""
    return {"event_type": "sightline_incident", "event_payload": {"message_id": message_id}}


def api_outcome(posted: Posted, *, repeatable: bool, looked_for: str | None = None) -> Outcome:
    """Of a method of the Web API, whose 200 may say no. repeatable: made twice, it is as made once.

    looked_for: a message in a conversation's history; nothing is known of where it stands unless it is there.
    """
    found = outcome_of(posted)
    answer = _answer(posted.body) if found.status == "sent" else None
    if answer is not None:
        said = _said(answer)
        return replace(said, ts=_ts_in(answer, looked_for)) if looked_for else said
    if found.status == "sent":  # an answer that cannot be read tells no more than none
        found = Outcome("unknown", "Slack's answer is not JSON.", posted.status)
    return replace(found, status="retry") if found.status == "unknown" and repeatable else found


def _said(answer: Json) -> Outcome:
    if answer.get("ok") is True:
        return Outcome("sent", http_status=200, place=_str(answer, "channel"), ts=_str(answer, "ts"))
    error = str(answer.get("error") or "nothing")[:100]
    passing = error in PASSING or error in LOST
    return Outcome("retry" if passing else "failed", f"Slack said {error}.", 200, lost=error in LOST)


def _ts_in(history: Json, message_id: str) -> str | None:
    """Source: docs.slack.dev/reference/methods/conversations.history, with include_all_metadata."""
    named = metadata_of(message_id)
    found = [one for one in history.get("messages") or [] if one.get("metadata") == named]
    return _str(found[-1], "ts") if found else None


def _answer(body: bytes) -> Json | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _str(answer: Json, name: str) -> str | None:
    return str(answer[name])[:100] if answer.get(name) else None


def _word(body: bytes) -> str:
    """An incoming webhook refuses with one word: no_service, invalid_payload."""
    text = body[:60].decode(errors="replace").strip()
    return f" ({text})" if text and text.replace("_", "").isalnum() else ""
