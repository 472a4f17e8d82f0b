"""sightline erase and retention."""

from typing import Annotated, Any

import typer

from client.caller import connect
from client.output import JsonFlag, moment, notes, print_items, print_json, print_table

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
    print_items(
        found,
        ["what", "why", "status", "asked", "id"],
        lambda one: [one["subject"], one["cause"], one["status"], moment(one["asked_at"]), one["id"]],
        as_json=as_json,
    )


def incident_retention(
    ctx: typer.Context,
    days: Annotated[
        str | None, typer.Argument(help="Days to keep what is over, 30 at least, or `off`; none: show it.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and keep it.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Keep alerts, deliveries and incidents that are over for so many days."""
    kept = None if days in (None, "off") else _days(str(days))
    with connect(ctx) as sightline:
        shown = days is None or dry_run
        found = sightline.incidents.retention(kept) if shown else sightline.incidents.put_retention(kept)
    if as_json:
        print_json(found)
        return
    rows = [["kept for", f"{found['keep_days']} days" if found["keep_days"] else "ever"]]
    rows += [["gone", _counts(found["gone"])], ["would go now", _counts(found["due"])]]
    print_table(["field", "value"], rows)


def _days(text: str) -> int:
    if not text.isdecimal():
        raise typer.BadParameter(
            f"{text!r} is neither a number of days nor off. Another workspace than the one you work in is"
            " named before the command: sightline --workspace ID retention 365",
            param_hint="DAYS",
        )
    return int(text)


def retention(
    ctx: typer.Context,
    days: Annotated[
        str | None, typer.Argument(help="Days after which a video is deleted, or `off`; none: show it.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Keep the workspace's videos for so many days."""
    kept = None if days in (None, "off") else _days(str(days))
    with connect(ctx) as sightline:
        workspace_id = sightline.session.workspace_id()
        if workspace_id is None:
            raise typer.BadParameter(
                "Sign in first (sightline login), or say which: sightline --workspace ID."
            )
        erasures = sightline.erasures
        found = (
            erasures.retention(workspace_id) if days is None else erasures.set_retention(workspace_id, kept)
        )
    if as_json:
        print_json(found)
        return
    kept = found["retention_days"]
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
