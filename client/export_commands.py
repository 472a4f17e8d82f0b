"""sightline exports."""

import re
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from client.api import Sightline
from client.caller import connect
from client.output import JsonFlag, bytes_text, moment, notes, percent, print_items, print_json, print_table
from client.progress import upload_bar

exports = typer.Typer(help="Moments as full-resolution frames and clips in a ZIP.", no_args_is_help=True)
ExportId = Annotated[str, typer.Argument(help="The id that `sightline exports list` shows.")]
_MOMENT = re.compile(r"(?P<asset>[0-9a-fA-F-]{36})@(?P<start>[\d.]+)-(?P<end>[\d.]+)")


@exports.command()
def create(
    ctx: typer.Context,
    text: Annotated[str | None, typer.Argument(help="All moments that a sentence describes.")] = None,
    search_id: Annotated[str | None, typer.Option(help="All moments of a search asked before.")] = None,
    asset: Annotated[list[str] | None, typer.Option(help="A whole video (id); may be repeated.")] = None,
    moment: Annotated[
        list[str] | None, typer.Option(metavar="ASSET@START-END", help="A stretch; may be repeated.")
    ] = None,
    name: Annotated[str, typer.Option(help="What the archive is called.")] = "export",
    tag: Annotated[list[str] | None, typer.Option(help="Search only videos with this tag.")] = None,
    most: Annotated[int, typer.Option(help="Of a search, the best so many.")] = 1000,
    min_relevance: Annotated[float, typer.Option(help="Of a search, what is left out below.")] = 0.5,
    frames: Annotated[str | None, typer.Option(help="peak: one of each moment; indexed: all of it.")] = None,
    quality: Annotated[int, typer.Option(help="Of the JPEGs, 50 to 100.")] = 92,
    clips: Annotated[bool, typer.Option("--clips", help="Also the moments as video.")] = False,
    padding: Annotated[float, typer.Option(help="Seconds before and after each clip.")] = 0.0,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE.zip", help="Wait, and download there.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until it is ready.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Begin an export of a search, of moments or of whole videos."""
    request: dict[str, Any] = {"name": name, "jpeg_quality": quality}
    request |= {"frames": frames} if frames else {}
    request |= {"clips": {"padding_s": padding}} if clips else {}
    if text is not None:
        request["search"] = {"text": text, **({"filters": {"tags": tag}} if tag else {})}
    request |= {"search_id": search_id} if search_id else {}
    if text is not None or search_id:
        request |= {"most_moments": most, "min_relevance": min_relevance}
    request |= {"asset_ids": asset} if asset else {}
    request |= {"moments": [_moment(given) for given in moment]} if moment else {}
    with connect(ctx) as sightline:
        made = sightline.exports.create(request)
        if output or wait:
            made = sightline.exports.wait(made["id"])
        if output:
            _download(sightline, made, output, notes())
    _shown(made, as_json=as_json)


def _moment(given: str) -> dict[str, Any]:
    found = _MOMENT.fullmatch(given)
    if found is None:
        raise typer.BadParameter(f"{given!r} is not ASSET@START-END", param_hint="--moment")
    return {"asset_id": found["asset"], "start_s": float(found["start"]), "end_s": float(found["end"])}


@exports.command("list")
def list_exports(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Exports, newest first."""
    with connect(ctx) as sightline:
        found = list(sightline.exports.list())
    print_items(
        found,
        ["export", "status", "moments", "size", "id"],
        lambda one: [one["name"], _status(one), str(one["moments"]), _size(one), one["id"]],
        as_json=as_json,
        right=["moments", "size"],
    )


@exports.command()
def get(ctx: typer.Context, export_id: ExportId, as_json: JsonFlag = False) -> None:
    """All that is known about one export."""
    with connect(ctx) as sightline:
        found = sightline.exports.get(export_id)
    _shown(found, as_json=as_json)


@exports.command()
def cancel(ctx: typer.Context, export_id: ExportId, as_json: JsonFlag = False) -> None:
    """Stop an export that is being written."""
    with connect(ctx) as sightline:
        found = sightline.exports.cancel(export_id)
    _shown(found, as_json=as_json)


@exports.command()
def delete(ctx: typer.Context, export_id: ExportId, as_json: JsonFlag = False) -> None:
    """Remove an export with its archive."""
    with connect(ctx) as sightline:
        sightline.exports.delete(export_id)
    if as_json:
        print_json({"id": export_id, "deleted": True})
    else:
        notes().print("Deleted.")


@exports.command()
def download(
    ctx: typer.Context,
    export_id: ExportId,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", dir_okay=False, metavar="FILE.zip", help="Where to.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Fetch the ZIP, waiting until it is ready; an interrupted download goes on where it stopped."""
    with connect(ctx) as sightline:
        found = sightline.exports.wait(export_id)
        path = _download(sightline, found, output or Path(f"{export_id}.zip"), notes())
    if as_json:
        print_json({"id": export_id, "path": str(path), "size_bytes": found["size_bytes"]})


def _download(sightline: Sightline, found: dict[str, Any], path: Path, console: Console) -> Path:
    with upload_bar(console, path.name, doing="Downloading") as on_bytes:
        sightline.exports.download(found["id"], path, on_bytes=on_bytes)
    console.print(f"Archive: {path}", markup=False)
    return path


def _shown(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    facts = {
        "id": found["id"],
        "name": found["name"],
        "status": _status(found),
        "failure": found["failure"]["reason"] if found["failure"] else "",
        "moments": str(found["moments"]),
        "files": f"{found['progress']['done']} of {found['progress']['total']}",
        "left out": str(found["left_out"]) if found["left_out"] else "",
        "size": _size(found),
        "expires": f"{moment(found['expires_at'])} UTC" if found["expires_at"] else "",
    }
    print_table(["field", "value"], [[name, value] for name, value in facts.items() if value])


def _status(found: dict[str, Any]) -> str:
    running = found["status"] in ("preparing", "writing")
    return f"{found['status']} {percent(found['progress']['fraction'])}" if running else str(found["status"])


def _size(found: dict[str, Any]) -> str:
    return bytes_text(found["size_bytes"]) if found["size_bytes"] else ""
