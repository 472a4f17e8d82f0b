"""sightline imports."""

from typing import Annotated, Any

import typer

from client.caller import connect, pairs
from client.output import JsonFlag, print_items, print_json, print_table

imports = typer.Typer(help="Videos that lie in a bucket already.", no_args_is_help=True)
ImportId = Annotated[str, typer.Argument(help="The id that `sightline imports list` shows.")]


@imports.command()
def start(
    ctx: typer.Context,
    bucket: Annotated[str | None, typer.Argument(help="Left out: the stage's own drop bucket.")] = None,
    prefix: Annotated[str, typer.Option(help="All objects below it.")] = "",
    key: Annotated[list[str] | None, typer.Option(help="This object; may be repeated.")] = None,
    meta: Annotated[list[str] | None, typer.Option("--meta", metavar="K=V", help="Of every video.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Of every video; may be repeated.")] = None,
    interval: Annotated[float | None, typer.Option(help="Seconds between sampled frames.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Stay until every object is settled.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Register what lies below a prefix, or the objects named."""
    request: dict[str, Any] = {"metadata": pairs(meta, "--meta"), "tags": tag or []}
    request |= {"bucket": bucket} if bucket else {}
    request |= {"keys": key} if key else {"prefix": prefix}
    request |= {"interval_s": interval} if interval else {}
    with connect(ctx) as sightline:
        made = sightline.imports.start(request)
        if wait:
            made = sightline.imports.wait(made["id"])
    _shown(made, as_json=as_json)


@imports.command()
def status(ctx: typer.Context, import_id: ImportId, as_json: JsonFlag = False) -> None:
    """How many objects were registered, skipped and refused, and how far their videos are."""
    with connect(ctx) as sightline:
        found = sightline.imports.get(import_id)
    _shown(found, as_json=as_json)


@imports.command()
def report(
    ctx: typer.Context,
    import_id: ImportId,
    status: Annotated[str | None, typer.Option(help="Only registered, skipped or refused.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """What became of each object, and why."""
    with connect(ctx) as sightline:
        found = list(sightline.imports.report(import_id, status=status))
    print_items(
        found,
        ["object", "status", "why", "video"],
        lambda one: [
            one["key"],
            one["status"],
            one["reason"] or one["asset_status"] or "",
            one["asset_id"] or "",
        ],
        as_json=as_json,
    )


@imports.command("list")
def list_imports(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Imports, newest first."""
    with connect(ctx) as sightline:
        found = list(sightline.imports.list())
    print_items(
        found,
        ["from", "status", "objects", "id"],
        lambda one: [f"{one['bucket']}/{one['prefix']}", one["status"], _counts(one["objects"]), one["id"]],
        as_json=as_json,
    )


@imports.command()
def cancel(ctx: typer.Context, import_id: ImportId, as_json: JsonFlag = False) -> None:
    """Stop an import; what was registered stays."""
    with connect(ctx) as sightline:
        found = sightline.imports.cancel(import_id)
    _shown(found, as_json=as_json)


def _shown(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    facts = {
        "id": found["id"],
        "from": f"{found['bucket']}/{found['prefix']}",
        "status": found["status"],
        "failure": found["failure"]["reason"] if found["failure"] else "",
        "objects": _counts(found["objects"]),
        "videos": _counts(found["videos"]),
    }
    print_table(["field", "value"], [[name, value] for name, value in facts.items() if value])


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)
