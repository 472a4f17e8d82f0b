"""sightline incidents maintenance and settings: when nobody is told, and when somebody is."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

import typer

from client.caller import connect
from client.output import JsonFlag, moment, notes, print_json, print_table

maintenance = typer.Typer(help="Times in which alerts are kept and nobody is told.", no_args_is_help=True)
settings = typer.Typer(
    help="When somebody is told of an incident, and when it is over.", no_args_is_help=True
)
Gravest = Literal["critical", "high", "medium", "low", "info", "none"]


@maintenance.command("list")
def list_windows(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Those that are not ended by hand, newest first."""
    with connect(ctx) as sightline:
        found = list(sightline.incidents.maintenance_windows())
    if as_json:
        print_json({"items": found})
    else:
        _print_windows(found)


@maintenance.command("add")
def add_window(
    ctx: typer.Context,
    reason: Annotated[str, typer.Argument(help="What is done in it.")],
    minutes: Annotated[int, typer.Option(min=1, help="How long it takes.")],
    starts: Annotated[
        datetime | None,
        typer.Option(help="2030-05-01T22:00:00, as this machine's clock shows it; now by default."),
    ] = None,
    service: Annotated[list[str] | None, typer.Option(help="Only of this service; may be repeated.")] = None,
    environment: Annotated[
        list[str] | None,
        typer.Option(help="Only of this environment; may be repeated; every one by default."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Tell nobody of alerts that begin in it; what still fires when it ends counts from then on."""
    begin = starts.astimezone() if starts else datetime.now(UTC)
    window = {
        "reason": reason,
        "services": service or [],
        "environments": environment or [],
        "starts_at": begin.isoformat(),
        "ends_at": (begin + timedelta(minutes=minutes)).isoformat(),
    }
    with connect(ctx) as sightline:
        made = sightline.incidents.add_maintenance(window)
    if as_json:
        print_json(made)
    else:
        _print_windows([made])


@maintenance.command("end")
def end_window(
    ctx: typer.Context,
    window_id: Annotated[str, typer.Argument(metavar="ID", help="As `maintenance list` shows it.")],
    as_json: JsonFlag = False,
) -> None:
    """End it now; what fires is told of within the next minutes."""
    with connect(ctx) as sightline:
        sightline.incidents.end_maintenance(window_id)
    print_json({"id": window_id, "ended": True}) if as_json else notes().print("Ended.")


@settings.command()
def show(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Those that hold."""
    with connect(ctx) as sightline:
        _print_settings(sightline.incidents.settings(), as_json=as_json)


@settings.command("set")
def change(
    ctx: typer.Context,
    alerts_needed: Annotated[
        int | None, typer.Option(help="So many different alerts open an incident.")
    ] = None,
    opens_at_once: Annotated[
        Gravest | None,
        typer.Option(help="One alert of this severity or a graver one opens it."),
    ] = None,
    reopen_s: Annotated[
        int | None, typer.Option(help="Seconds in which the same alert is no new incident.")
    ] = None,
    auto_resolve: Annotated[
        bool | None, typer.Option(help="Resolved once every alert has recovered.")
    ] = None,
    resolve_after_s: Annotated[
        int | None, typer.Option(help="Seconds without a firing alert before that.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Change some; the others stay."""
    given: dict[str, Any] = {
        "alerts_needed": alerts_needed,
        "opens_at_once": opens_at_once,
        "reopen_s": reopen_s,
        "auto_resolve": auto_resolve,
        "resolve_after_s": resolve_after_s,
    }
    said = {name: None if value == "none" else value for name, value in given.items() if value is not None}
    if not said:
        raise typer.BadParameter("say what to change: --alerts-needed, --opens-at-once, ...")
    with connect(ctx) as sightline:
        _print_settings(sightline.incidents.change_settings(said), as_json=as_json)


def _print_windows(found: list[dict[str, Any]]) -> None:
    rows = [
        [
            one["reason"],
            ", ".join(one["services"]) or "every service",
            ", ".join(one["environments"]) or "every environment",
            moment(one["starts_at"]),
            moment(one["ends_at"]),
            one["id"],
        ]
        for one in found
    ]
    print_table(["maintenance", "services", "environments", "from", "to", "id"], rows)


def _print_settings(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        print_table(["setting", "value"], [[name, _word(value)] for name, value in found.items()])


def _word(value: bool | int | str | None) -> str:
    if value is None:
        return "none"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)
