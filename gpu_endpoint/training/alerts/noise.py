"""What happens to an alert on its way: case, emoji, JSON around it, cuts."""

from __future__ import annotations

import random
from collections.abc import Sequence

from gpu_endpoint.training.alerts.draft import Span

EMOJI = ("🔥 ", "🚨 ", "⚠️ ", ":rotating_light: ", "❗ ", "[!] ", ":fire: ", "✅ ")
MORE_EMOJI = (":warning: ", ":red_circle: ", ":bell: ", ":exclamation: ", "🔴 ", "🟠 ", ":boom: ", "‼️ ")
BEGINNINGS = (
    '{"title": "',
    '{"message": "',
    '{"alert":{"text":"',
    "<!channel> ",
    "Re: ",
    "Fwd: ",
    "> ",
    "<p>",
    "[EXTERNAL] ",
    "ALERT ",
)
TAILS = (
    "\n--\nSent by monitoring",
    " (runbook RB-17)",
    "\nView: https://app.example.com/a/817",
    '"}',
    " ...",
    " </p>",
    "\n@here",
    " #oncall",
    "\nThanks!",
)
LONGEST = 900  # characters; more says nothing new here


def disturbed(rng: random.Random, text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """The text as it might arrive, and where its entities are then."""
    found = list(spans)
    if rng.random() < 0.1:
        text, found = prefixed(rng.choice(BEGINNINGS), text, found)
    if rng.random() < 0.06 and not text.startswith("{"):
        text, found = prefixed(rng.choice(EMOJI[:-1] + MORE_EMOJI), text, found)
    if rng.random() < 0.12:
        text += rng.choice(TAILS)
    if rng.random() < 0.04:
        text, found = text.replace("\n", " "), found
    case = rng.random()
    if case < 0.06:
        text = cased(text, str.lower)
    elif case < 0.1:
        text = cased(text, str.upper)
    if rng.random() < 0.05 or len(text) > LONGEST:
        text, found = cut(text, found, min(LONGEST, rng.randint(len(text) // 2, len(text))))
    return text, found


def cased(text: str, change: object) -> str:
    """Letter by letter, leaving those whose other case is longer."""
    upper = change is str.upper
    changed = (letter.upper() if upper else letter.lower() for letter in text)
    return "".join(new if len(new) == 1 else old for new, old in zip(changed, text, strict=True))


def prefixed(start: str, text: str, spans: Sequence[Span]) -> tuple[str, list[Span]]:
    """With words before it."""
    return start + text, [(begin + len(start), end + len(start), label) for begin, end, label in spans]


def cut(text: str, spans: Sequence[Span], length: int) -> tuple[str, list[Span]]:
    """Cut short, but never inside an entity: what half a name is, nobody can say."""
    for begin, end, _ in spans:
        if begin < length < end:
            length = begin
    return text[:length], [span for span in spans if span[1] <= length]
