"""sightline sources, alerts and deliveries: monitoring tools, and what they say."""

import json
import os
from typing import Annotated, Any

import typer

from client.api import Sightline
from client.caller import connect
from client.output import JsonFlag, moment, notes, print_items, print_json, print_table

sources = typer.Typer(help="Monitoring tools that may send alerts.", invoke_without_command=True)
alerts = typer.Typer(help="What they said.", invoke_without_command=True)
SourceId = Annotated[str, typer.Argument(help="The id that `sightline sources` shows.")]
SECRET_VARIABLE = "SIGHTLINE_SOURCE_SECRET"  # noqa: S105 - its name


@sources.callback()
def list_sources(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Monitoring tools that may send alerts."""
    if ctx.invoked_subcommand:
        return
    with connect(ctx) as sightline:
        found = list(sightline.alerts.sources())
    print_items(
        found,
        ["source", "platform", "proves itself by", "id"],
        lambda one: [one["name"], one["platform"], one["scheme"], one["id"]],
        as_json=as_json,
    )


@sources.command("add")
def add_source(
    ctx: typer.Context,
    platform: Annotated[str, typer.Argument(help="datadog, sentry, pagerduty, grafana, alertmanager, ...")],
    name: Annotated[str | None, typer.Option(help="What to call it; the platform's name by default.")] = None,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="cloudwatch: an SNS topic's ARN; may be repeated.")
    ] = None,
    events: Annotated[
        list[str] | None,
        typer.Option("--events", help="EventBridge: an account or partner's event source; may be repeated."),
    ] = None,
    map_file: Annotated[
        typer.FileText | None,
        typer.Option("--map", help="generic: JSON with JMESPath expressions; docs/maps has some."),
    ] = None,
    allow_unsigned: Annotated[
        bool, typer.Option("--allow-unsigned", help="Take deliveries that prove nothing.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let a tool in: prints the address and the secret to paste there.

    A secret that the tool itself chose (Sentry, PagerDuty) is read from SIGHTLINE_SOURCE_SECRET.
    """
    request: dict[str, Any] = {
        "platform": platform,
        "name": name or platform,
        "topic_arns": topic or [],
        "event_origins": events or [],
        "allow_unsigned": allow_unsigned,
    }
    if map_file is not None:
        request["map"] = _map(map_file)
    if secret := os.environ.get(SECRET_VARIABLE):
        request["secret"] = secret
    with connect(ctx) as sightline:
        made = sightline.alerts.add_source(request)
        _show(sightline, made, as_json=as_json)


def _map(file: typer.FileText) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        raise typer.BadParameter(f"{file.name} is not JSON", param_hint="--map") from error


@sources.command("rotate")
def rotate_secret(ctx: typer.Context, source_id: SourceId, as_json: JsonFlag = False) -> None:
    """A new secret; the one before stays good until the next rotation."""
    with connect(ctx) as sightline:
        made = sightline.alerts.rotate(source_id, os.environ.get(SECRET_VARIABLE))
        _show(sightline, made, as_json=as_json)


@sources.command("delete")
def delete_source(
    ctx: typer.Context,
    source_id: SourceId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Take nothing more from a tool; its alerts stay."""
    if not yes and not as_json:
        typer.confirm("Refuse what this tool sends from now on?", abort=True, err=True)
    with connect(ctx) as sightline:
        sightline.alerts.delete_source(source_id)
    if as_json:
        print_json({"id": source_id, "deleted": True})
    else:
        notes().print("Deleted.")


def _show(sightline: Sightline, made: dict[str, Any], *, as_json: bool) -> None:
    """Address and secret, the one time they are shown together."""
    address = sightline.api_url + made["path"]
    if as_json:
        print_json(made | {"url": address})
        return
    rows = [["address", address], ["secret", made["secret"] or "none: it signs with a key of its own"]]
    print_table(["", "to paste"], [*rows, ["where", made["setup"]]])
    notes().print("The secret is not shown again.")


@alerts.callback()
def list_alerts(
    ctx: typer.Context,
    status: Annotated[str | None, typer.Option(help="firing or recovered.")] = None,
    severity: Annotated[str | None, typer.Option(help="critical, high, medium, low or info.")] = None,
    service: Annotated[str | None, typer.Option(help="Only of this service.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most to show.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """What they said, newest first."""
    if ctx.invoked_subcommand:
        return
    with connect(ctx) as sightline:
        found = sightline.alerts.alerts(limit=limit, status=status, severity=severity, service=service)
    print_items(
        found,
        ["severity", "alert", "service", "status", "times", "since"],
        lambda one: [
            one["severity"]["label"],
            one["title"],
            one["service"] or "",
            one["status"],
            str(one["occurrences"]),
            moment(one["occurred_at"]),
        ],
        as_json=as_json,
    )


@alerts.command("deliveries")
def list_deliveries(
    ctx: typer.Context,
    outcome: Annotated[str | None, typer.Option(help="alerts, no_alerts, unparsed or repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most to show.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """What arrived, whatever became of it."""
    with connect(ctx) as sightline:
        found = sightline.alerts.deliveries(limit=limit, outcome=outcome)
    print_items(
        found,
        ["received", "trust", "outcome", "alerts", "why", "id"],
        lambda one: [
            moment(one["received_at"]),
            one["trust"],
            one["outcome"],
            str(one["alerts"]),
            one["reason"] or "",
            one["id"],
        ],
        as_json=as_json,
    )


@alerts.command("replay")
def replay(
    ctx: typer.Context,
    delivery_id: Annotated[str, typer.Argument(help="The id that `sightline alerts deliveries` shows.")],
) -> None:
    """Read a stored delivery again; what was counted is not counted twice."""
    with connect(ctx) as sightline:
        sightline.alerts.replay(delivery_id)
    notes().print("It is read again.")


@alerts.command("dead-letters")
def dead_letters(
    ctx: typer.Context,
    redrive: Annotated[
        bool, typer.Option("--redrive", help="Send them again, all or the one named.")
    ] = False,
    letter_id: Annotated[str | None, typer.Argument(metavar="ID", help="One of them.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most to show.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Deliveries that could not be read however often they were tried, and why."""
    with connect(ctx) as sightline:
        sent = sightline.alerts.redrive(letter_id) if redrive else None
        found = [] if redrive else sightline.alerts.dead_letters(limit=limit)
    if redrive:
        print_json({"redriven": sent}) if as_json else notes().print(f"{sent} sent again.")
        return
    print_items(
        found,
        ["died", "code", "why", "id"],
        lambda one: [moment(one["died_at"]), one["code"], one["reason"], one["id"]],
        as_json=as_json,
    )
