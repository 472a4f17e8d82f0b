"""What a command prints: results on stdout (a table, or JSON alone), everything else on stderr."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Annotated, Any

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from client.errors import (
    ApiError,
    ClientError,
    ForbiddenError,
    IndexingError,
    NoAddressError,
    NotFoundError,
    NotSignedInError,
    StillIndexingError,
    UnauthenticatedError,
    UnavailableError,
    UnreachableError,
)

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on stdout, and nothing else there.")]

# docs/client.md lists these; tests/docs compares.
EXIT_CODES: dict[int, tuple[type[ClientError], ...]] = {
    3: (NotSignedInError, UnauthenticatedError, ForbiddenError),
    4: (NotFoundError,),
    5: (UnavailableError, UnreachableError, NoAddressError),
    6: (IndexingError, StillIndexingError),
}
# Without a terminal nobody sees the edge: rows stay whole for grep.
_PIPE_COLUMNS = 200


def exit_code(error: ClientError) -> int:
    """The exit code that scripts can tell failures apart by."""
    for code, kinds in EXIT_CODES.items():
        if isinstance(error, kinds):
            return code
    return 1


def results() -> Console:
    """Where answers go."""
    return Console(width=None if sys.stdout.isatty() else _PIPE_COLUMNS, highlight=False)


def notes() -> Console:
    """Where progress and remarks go."""
    return Console(stderr=True, width=None if sys.stderr.isatty() else _PIPE_COLUMNS, highlight=False)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    print(json.dumps(_plain(value), ensure_ascii=False, indent=2))


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return value


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """A plain table; text from users is never read as markup."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(
            name,
            justify="right" if name in right else "left",
            no_wrap=name in ("id", "when"),
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    results().print(table)


def print_items(
    items: Sequence[Any],
    columns: Sequence[str],
    row: Callable[[Any], Sequence[str]],
    *,
    as_json: bool,
    right: Sequence[str] = (),
    none: str = "None.",
) -> None:
    """A list: as JSON, or a table in which each has its row; none: what to say where there is nothing."""
    if as_json:
        print_json({"items": list(items)})
    elif items:
        print_table(columns, map(row, items), right=right)
    else:
        notes().print(none, markup=False)


def print_error(error: ClientError, *, as_json: bool) -> None:
    """Why it failed, in words on stderr, or as JSON on stdout."""
    if as_json:
        about: dict[str, Any] = {"code": error.code, "detail": str(error)}
        if isinstance(error, ApiError):
            about |= {"status": error.status, "trace_id": error.trace_id, "retryable": error.retryable}
        print_json({"error": about})
        return
    notes().print(f"[red]error[/red] {escape(str(error))}", soft_wrap=True)
    for note in getattr(error, "__notes__", ()):
        notes().print(note, markup=False, soft_wrap=True)
    if isinstance(error, ApiError) and error.status >= 500 and error.trace_id:
        notes().print(f"      trace {error.trace_id}", soft_wrap=True)


def moment(at: str | None) -> str:
    """2026-01-31 12:34:56; nothing where it has not come yet."""
    return at[:19].replace("T", " ") if at else ""


def clock(seconds: float) -> str:
    """1:02:03 or 2:03: a time on a video's timeline, to the second."""
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"


def span(start_s: float, end_s: float) -> str:
    """A stretch of a video."""
    return f"{clock(start_s)} - {clock(end_s)}"


def percent(share: float) -> str:
    """0.879 is 87 %: rounded down, so that only what is certain reads 100 %."""
    return f"{int(share * 100 + 1e-9)} %"


def bytes_text(size: int) -> str:
    """12.3 MB: decimal units, as disks and networks count."""
    value, units = float(size), ["B", "kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.0f} {units[0]}" if units[0] == "B" else f"{value:.1f} {units[0]}"
