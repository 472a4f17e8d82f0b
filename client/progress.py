"""Progress bars: on a terminal they move; elsewhere a line says what begins."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)

from client.shapes import Asset

_STAGES = {
    "awaiting_upload": "waiting for the upload to arrive",
    "queued": "queued",
    "probing": "looking into the file",
    "indexing": "frames",
    "finishing": "finishing",
}


@contextmanager
def upload_bar(
    console: Console, name: str, *, doing: str = "Uploading"
) -> Iterator[Callable[[int, int], None]]:
    """Yields what an upload or download reports its bytes to."""
    columns = (TextColumn("[progress.description]{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        task = progress.add_task(f"{doing} {escape(name)}", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


@contextmanager
def indexing_bar(console: Console, name: str) -> Iterator[Callable[[Asset], None]]:
    """Yields what a wait reports the asset to."""
    columns = (TextColumn("[progress.description]{task.description}"), BarColumn(), TaskProgressColumn())
    stage = TextColumn("{task.fields[stage]}")
    with Progress(*columns, TimeElapsedColumn(), stage, console=console) as progress:
        task = progress.add_task(f"Indexing  {escape(name)}", total=1.0, stage="")

        def report(asset: Asset) -> None:
            fraction = 1.0 if asset.status == "ready" else asset.progress.fraction if asset.progress else 0.0
            progress.update(task, completed=fraction, stage=stage_text(asset))

        yield report


def stage_text(asset: Asset) -> str:
    """What is being done to the video, with counts where they are known."""
    if asset.status != "processing" or asset.progress is None:
        return _STAGES.get(asset.status, asset.status)
    stage = asset.progress.stage or ""
    counts = f"{asset.progress.done}/{asset.progress.total} " if asset.progress.total else ""
    return counts + _STAGES.get(stage, stage)
