"""What the demo shows: incidents as they form, the summary, the message, the answer."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

Item = dict[str, Any]
COLOURS = {"critical": "bold red", "high": "red", "medium": "yellow", "low": "cyan", "info": "dim"}
MOST_ROWS = 12


def forming(incidents: Sequence[Item], *, taken: int, total: int) -> RenderableType:
    """The incidents as they are now, the newest first."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("incident", "severity", "status", "alerts", "firing", "services", "title"):
        table.add_column(name, justify="right" if name in ("alerts", "firing") else "left", no_wrap=True)
    for one in incidents[:MOST_ROWS]:
        table.add_row(
            f"INC-{one['number']}",
            Text(one["severity"], COLOURS[one["severity"]]),
            one["status"],
            str(one["alert_count"]),
            str(one["firing_count"]),
            escape(_short(", ".join(one["services"]), 34)),
            escape(_short(one["title"], 60)),
        )
    return Group(Text(f"{taken} of {total} deliveries taken", "bold"), table)


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def show_summary(console: Console, incident: Item, summary: Item) -> None:
    """Each sentence with the number of alerts it rests on."""
    lines = [
        f"{one['text']} [{one['alerts']} alert{'s' * (one['alerts'] != 1)}]" for one in summary["sentences"]
    ]
    title = f"INC-{incident['number']}, summarised by {summary['written_by']}"
    console.print(Panel("\n".join(map(escape, lines)), title=escape(title), title_align="left"))


def show_message(console: Console, message: Item | None) -> None:
    """A Slack message as it was received: its blocks' texts."""
    lines = list(_texts(message)) if message else ["nothing came"]
    console.print(Panel("\n".join(map(escape, lines)), title="Slack received", title_align="left"))


def _texts(message: Item) -> Iterable[str]:
    """What people read: the line of the notification, then block by block."""
    yield str(message.get("text", ""))
    for holder in (message, *message.get("attachments", ())):
        for block in holder.get("blocks", ()):
            parts = [block.get("text"), *block.get("fields", ()), *block.get("elements", ())]
            yield "   ".join(" ".join(text.split()) for part in parts if (text := _text(part)))


def _text(part: Any) -> str:
    """Of a text object, or of what carries one, as a button does."""
    inner = part.get("text") if isinstance(part, dict) else None
    return str(inner["text"] if isinstance(inner, dict) else inner or "")


def show_answer(console: Console, question: str, sentences: Sequence[Item], *, status: str) -> None:
    """Each sentence with the place in a runbook that holds it."""
    lines = []
    for one in sentences:
        lines.append(one["text"])
        lines += [f"    {place['path']}: {' > '.join(place['headings'])}" for place in one["citations"]]
    said = "\n".join(lines) if lines else f"The runbooks do not say ({status})."
    console.print(Panel(escape(said), title=escape(f"“{question}”"), title_align="left"))
