"""What is written by mail: the words of wording.py as text and as HTML."""

from collections.abc import Sequence
from html import escape

from sightline.incidents.notices.wording import Story
from sightline.ports.outgoing import Mail

MAX_SUBJECT_CHARS = 200


def incident_mail(story: Story, *, to: Sequence[str]) -> Mail:
    """One incident; all of its mails are one conversation."""
    when = [("Since", f"{story.since:%Y-%m-%d %H:%M} UTC")]
    if story.until is not None:
        when.append(("Until", f"{story.until:%Y-%m-%d %H:%M} UTC"))
    news = [one.text + (" (in Slack)" if one.slack_user else "") for one in story.news]
    return Mail(
        to=tuple(to),
        # Without what changes, so that readers of mail keep the conversation together.
        subject=f"{story.name} {story.title}"[:MAX_SUBJECT_CHARS],
        text=_text(story, [*story.facts, *when], news),
        html=_html(story, [*story.facts, *when], news),
        conversation=story.message_id,
    )


def digest_mail(stories: Sequence[Story], *, to: Sequence[str], conversation: str) -> Mail:
    """What happened in quiet hours, a line for each incident."""
    lines = [one.headline for one in stories]
    return Mail(
        to=tuple(to),
        subject=f"While it was quiet: {len(stories)} incidents",
        text="\n".join(lines) + "\n",
        html=_list(lines),
        conversation=conversation,
    )


def test_mail(name: str, *, to: Sequence[str], conversation: str) -> Mail:
    """Proof that a channel works."""
    words = f"This is a test of Sightline's channel {name}. Nothing happened."
    return Mail(tuple(to), "A test of Sightline", words + "\n", f"<p>{escape(words)}</p>", conversation)


def _text(story: Story, facts: Sequence[tuple[str, str]], news: Sequence[str]) -> str:
    parts = [story.headline, "\n".join(f"{label}: {value}" for label, value in facts)]
    parts += [story.summary] if story.summary else []
    parts += ["\n".join(f"- {one}" for one in news)] if news else []
    parts += [story.link] if story.link else []
    return "\n\n".join(parts) + "\n"


def _html(story: Story, facts: Sequence[tuple[str, str]], news: Sequence[str]) -> str:
    rows = "".join(f"<tr><th align=left>{label}</th><td>{escape(value)}</td></tr>" for label, value in facts)
    parts = [f"<h2>{escape(story.headline)}</h2>", f"<table>{rows}</table>"]
    parts += [f"<p>{escape(story.summary)}</p>"] if story.summary else []
    parts += [_list(news)] if news else []
    parts += [f'<p><a href="{escape(story.link)}">{story.name}</a></p>'] if story.link else []
    return "\n".join(parts)


def _list(lines: Sequence[str]) -> str:
    return "<ul>" + "".join(f"<li>{escape(one)}</li>" for one in lines) + "</ul>"
