"""sightline notifications: what was told of incidents, and what would be."""

from typing import Annotated

import typer

from client.caller import connect
from client.channel_commands import channels
from client.output import JsonFlag, moment, notes, print_items, print_json, print_table

notifications = typer.Typer(help="Who is told of incidents.", no_args_is_help=True)
notifications.add_typer(channels, name="channels")


@notifications.command("list")
def list_notifications(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(help="sent, pending, held, failed or unknown.")] = None,
    incident: Annotated[
        str | None, typer.Option(metavar="INCIDENT", help="Only of this one: INC-12, or its id.")
    ] = None,
    channel: Annotated[str | None, typer.Option(metavar="ID", help="Only of this channel.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most to show.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Changes that were told, or are to be, newest first."""
    with connect(ctx) as sightline:
        about = sightline.incidents.id_of(incident) if incident else None
        where = {"status": status, "incident_id": about, "channel_id": channel}
        found = sightline.notifications.notifications(limit=limit, **where)
    print_items(
        found,
        ["since", "channel", "incident", "version", "status", "attempts", "last error", "id"],
        lambda one: [
            moment(one["created_at"]),
            one["channel"],
            f"INC-{one['incident_number']}" if one["incident_number"] else "a test",
            str(one["version"]),
            one["status"],
            str(one["attempts"]),
            one["last_error"] or "",
            one["id"],
        ],
        as_json=as_json,
        right=["version", "attempts"],
    )


@notifications.command()
def preview(
    ctx: typer.Context,
    incident_id: Annotated[str, typer.Argument(metavar="INCIDENT", help="INC-12, or its id.")],
    as_json: JsonFlag = False,
) -> None:
    """What each channel would be told of an incident, or why nothing; nothing is sent."""
    with connect(ctx) as sightline:
        found = sightline.notifications.preview(sightline.incidents.id_of(incident_id))
    if as_json:
        print_json({"items": found})
        return
    rows = [
        [one["name"], one["kind"], one["reason"] or "the next change", str(len(one["calls"]))]
        for one in found
    ]
    print_table(["channel", "kind", "what would be told", "calls"], rows, right=["calls"])
    notes().print("--json shows every call in full.")


@notifications.command()
def resend(
    ctx: typer.Context,
    notification_id: Annotated[str, typer.Argument(help="The id that `sightline notifications list` shows.")],
    as_json: JsonFlag = False,
) -> None:
    """One that failed, or of which nobody knows whether it arrived, once more."""
    with connect(ctx) as sightline:
        now = sightline.notifications.resend(notification_id)
    print_json(now) if as_json else notes().print("It is on its way again.")
