"""sightline upload and assets."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from client.api import Sightline
from client.caller import connect, pairs
from client.output import JsonFlag, bytes_text, clock, notes, percent, print_items, print_json, print_table
from client.progress import indexing_bar, upload_bar
from client.shapes import Asset

assets = typer.Typer(help="Your videos: list, show, change, delete.", invoke_without_command=True)
AssetId = Annotated[str, typer.Argument(help="The id that `sightline assets` shows.")]
Meta = Annotated[list[str] | None, typer.Option("--meta", metavar="K=V", help="Metadata; may be repeated.")]
Tag = Annotated[list[str] | None, typer.Option("--tag", help="A tag; may be repeated.")]
Captured = Annotated[
    str | None, typer.Option(metavar="TIME", help="When the first frame was taken: 2026-03-01T22:00:00Z.")
]


def upload(
    ctx: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", exists=True, dir_okay=False, readable=True, help="Videos."),
    ],
    meta: Meta = None,
    tag: Tag = None,
    interval: Annotated[float | None, typer.Option(help="Seconds between sampled frames.")] = None,
    captured: Captured = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until each video can be searched.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Upload videos; an interrupted upload goes on where it stopped."""
    metadata, console = pairs(meta, "--meta"), notes()
    done: list[Asset] = []
    with connect(ctx) as sightline:
        for path in files:
            with upload_bar(console, path.name) as on_bytes:
                asset = sightline.upload(
                    path,
                    metadata=metadata,
                    tags=tag or [],
                    interval_s=interval,
                    captured_at=captured,
                    on_bytes=on_bytes,
                )
            done.append(wait_until_ready(sightline, asset, console) if wait else asset)
    print_items(done, ["video", "status", "id"], lambda one: [one.name, one.status, one.id], as_json=as_json)


def wait_until_ready(sightline: Sightline, asset: Asset, console: Console) -> Asset:
    """Show indexing until the video can be searched."""
    with indexing_bar(console, asset.name) as on_progress:
        return sightline.wait(asset.id, on_progress=on_progress)


@assets.callback()
def list_assets(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(help="Only processing, ready, failed ...")] = None,
    tag: Annotated[str | None, typer.Option(help="Only with this tag.")] = None,
    meta: Meta = None,
    as_json: JsonFlag = False,
) -> None:
    """Your videos: list, show, change, delete."""
    if ctx.invoked_subcommand:
        return
    with connect(ctx) as sightline:
        found = list(sightline.assets(status=status, tag=tag, metadata=pairs(meta, "--meta")))
    columns = ["video", "status", "length", "size", "tags", "id"]
    print_items(found, columns, _row, as_json=as_json, none="None. To add one: sightline upload FILE.")


def _row(asset: Asset) -> list[str]:
    length = clock(asset.duration_s) if asset.duration_s is not None else ""
    return [asset.name, _status(asset), length, bytes_text(asset.size_bytes), " ".join(asset.tags), asset.id]


def _status(asset: Asset) -> str:
    running = asset.status == "processing" and asset.progress
    return (
        f"{asset.status} {percent(asset.progress.fraction)}" if running and asset.progress else asset.status
    )


@assets.command("show")
def show_asset(ctx: typer.Context, asset_id: AssetId, as_json: JsonFlag = False) -> None:
    """All that is known about one video."""
    with connect(ctx) as sightline:
        _print(sightline.asset(asset_id), as_json=as_json)


def _print(asset: Asset, *, as_json: bool) -> None:
    if as_json:
        print_json(asset)
        return
    print_table(["field", "value"], [[name, value] for name, value in _facts(asset).items() if value])


@assets.command("change")
def change_asset(
    ctx: typer.Context,
    asset_id: AssetId,
    name: Annotated[str | None, typer.Option(help="Another name.")] = None,
    meta: Meta = None,
    tag: Tag = None,
    captured: Captured = None,
    as_json: JsonFlag = False,
) -> None:
    """Another name, capture time, tags or metadata; the latter two take the place of what was there."""
    given = {"name": name, "metadata": pairs(meta, "--meta"), "tags": tag, "captured_at": captured}
    change = {field: value for field, value in given.items() if value}
    if not change:
        raise typer.BadParameter("give --name, --meta, --tag or --captured")
    with connect(ctx) as sightline:
        _print(sightline.change_asset(asset_id, **change), as_json=as_json)


def _facts(asset: Asset) -> dict[str, str]:
    picture = f"{asset.width} x {asset.height}, {asset.fps:.3g} fps, {asset.codec}" if asset.fps else ""
    return {
        "id": asset.id,
        "name": asset.name,
        "status": _status(asset),
        "failure": asset.failure.reason if asset.failure else "",
        "length": clock(asset.duration_s) if asset.duration_s is not None else "",
        "picture": picture,
        "size": bytes_text(asset.size_bytes),
        "sampled": f"every {asset.interval_s:g} s",
        "tags": " ".join(asset.tags),
        "metadata": "  ".join(f"{name}={value}" for name, value in asset.metadata.items()),
        "captured": f"{asset.captured_at:%Y-%m-%d %H:%M:%S %Z}" if asset.captured_at else "",
        "created": f"{asset.created_at:%Y-%m-%d %H:%M:%S %Z}",
    }


@assets.command("delete")
def delete_asset(
    ctx: typer.Context,
    asset_id: AssetId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a video with its vectors and pictures."""
    with connect(ctx) as sightline:
        if not yes and not as_json:
            typer.confirm(f"Delete {sightline.asset(asset_id).name}?", abort=True, err=True)
        sightline.delete_asset(asset_id)
    if as_json:
        print_json({"id": asset_id, "deleted": True})
    else:
        notes().print("Deleted. What it left is being purged.")
