"""sightline erase and retention."""

from typing import Annotated, Any

import typer

from client.caller import connect
from client.output import JsonFlag, notes, print_json, print_table

erase = typer.Typer(help="Delete for good, and see the proof.", no_args_is_help=True)
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Wait = Annotated[bool, typer.Option("--wait", help="Stay until nothing is left.")]


@erase.command()
def asset(
    ctx: typer.Context,
    asset_id: Annotated[str, typer.Argument(help="The id that `sightline assets` shows.")],
    yes: Yes = False,
    wait: Wait = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a video with everything that shows it."""
    with connect(ctx) as sightline:
        if not yes and not as_json:
            typer.confirm(f"Delete {sightline.asset(asset_id).name} for good?", abort=True, err=True)
        erasure_id = sightline.erasures.asset(asset_id)
        found = sightline.erasures.wait(erasure_id) if wait else sightline.erasures.get(erasure_id)
    _shown(found, as_json=as_json)


@erase.command()
def workspace(
    ctx: typer.Context,
    workspace_id: Annotated[str, typer.Argument(help="Its id, which must be the one worked in.")],
    yes: Yes = False,
    wait: Wait = False,
    as_json: JsonFlag = False,
) -> None:
    """Delete a workspace with everything in it."""
    if not yes and not as_json:
        typer.confirm(f"Delete workspace {workspace_id} and everything in it for good?", abort=True, err=True)
    with connect(ctx) as sightline:
        erasure_id = sightline.erasures.workspace(workspace_id)
        read = sightline.erasures.wait if wait else sightline.erasures.get
        found = read(erasure_id, mine=True)
    _shown(found, as_json=as_json)


@erase.command()
def report(
    ctx: typer.Context,
    erasure_id: Annotated[str, typer.Argument(help="The id that a deletion answered.")],
    mine: Annotated[bool, typer.Option("--mine", help="Of a workspace that is gone.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """What was removed, and that nothing is left."""
    with connect(ctx) as sightline:
        found = sightline.erasures.get(erasure_id, mine=mine)
    _shown(found, as_json=as_json)


@erase.command("list")
def list_erasures(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """What was deleted in the workspace, newest first."""
    with connect(ctx) as sightline:
        found = list(sightline.erasures.list())
    if as_json:
        print_json({"items": found})
        return
    rows = [[item["subject"], item["cause"], item["status"], item["asked_at"], item["id"]] for item in found]
    print_table(["what", "why", "status", "asked", "id"], rows)


def retention(
    ctx: typer.Context,
    workspace_id: Annotated[str, typer.Argument(help="The workspace.")],
    days: Annotated[str, typer.Argument(help="Days after which a video is deleted, or `off`.")],
    as_json: JsonFlag = False,
) -> None:
    """Keep a workspace's videos for so many days."""
    if days != "off" and not days.isdecimal():
        raise typer.BadParameter(f"{days!r} is neither a number of days nor off", param_hint="DAYS")
    with connect(ctx) as sightline:
        changed = sightline.erasures.set_retention(workspace_id, None if days == "off" else int(days))
    if as_json:
        print_json(changed)
        return
    kept = changed["retention_days"]
    notes().print(f"Videos are kept for {kept} days." if kept else "Videos are kept until they are deleted.")


def _shown(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    facts = {
        "id": found["id"],
        "what": f"{found['subject']} {found['subject_id']}",
        "status": found["status"],
        "objects removed": _counts(found["objects"]),
        "rows removed": _counts(found["rows"]),
        "objects left": _left(found["objects_left"]),
        "rows left": _left(found["rows_left"]),
        "ids kept": _counts(found["ids_kept"] or {}),
    }
    print_table(["field", "value"], [[name, value] for name, value in facts.items() if value])


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items()))


def _left(count: int | None) -> str:
    return "" if count is None else str(count)
