"""sightline sources: monitoring tools that may send alerts."""

import json
import os
from typing import Annotated, Any

import typer

from client.api import Sightline
from client.caller import connect
from client.output import JsonFlag, notes, print_items, print_json, print_table

sources = typer.Typer(help="Monitoring tools that may send alerts.", invoke_without_command=True)
SourceId = Annotated[str, typer.Argument(help="The id that `sightline sources` shows.")]
SECRET_VARIABLE = "SIGHTLINE_SOURCE_SECRET"  # noqa: S105 - its name
MapFile = Annotated[
    typer.FileText | None,
    typer.Option("--map", help="generic: JSON with JMESPath expressions; docs/maps has some."),
]


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
        lambda one: [one["name"], one["platform"], _proof(one), one["id"]],
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
    map_file: MapFile = None,
    scheme: Annotated[
        str | None,
        typer.Option(help="How it proves itself, where not in its own way: shared_secret, standard, ..."),
    ] = None,
    timestamp_header: Annotated[
        str | None, typer.Option(help="grafana: the header with the time, where one is configured there.")
    ] = None,
    allow_unsigned: Annotated[
        bool, typer.Option("--allow-unsigned", help="It has no secret: take what proves nothing.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Let a tool in: prints the address and the secret to paste there.

    A secret that the tool itself chose (Sentry, PagerDuty) is read from SIGHTLINE_SOURCE_SECRET, here or,
    where the tool wants the address first, by `sightline sources rotate`.
    """
    request: dict[str, Any] = {
        "platform": platform,
        "name": name or platform,
        "topic_arns": topic or [],
        "event_origins": events or [],
        "allow_unsigned": allow_unsigned,
        "scheme": scheme,
        "timestamp_header": timestamp_header,
    }
    if map_file is not None:
        request["map"] = _map(map_file)
    if secret := os.environ.get(SECRET_VARIABLE):
        request["secret"] = secret
    with connect(ctx) as sightline:
        made = sightline.alerts.add_source(request)
        _show(sightline, made, as_json=as_json)


def _proof(source: dict[str, Any]) -> str:
    return "nothing" if source["allow_unsigned"] else str(source["scheme"])


def _map(file: typer.FileText) -> Any:
    try:
        return json.load(file)
    except ValueError as error:
        raise typer.BadParameter(f"{file.name} is not JSON", param_hint="--map") from error


@sources.command("change")
def change_source(
    ctx: typer.Context,
    source_id: SourceId,
    name: Annotated[str | None, typer.Option(help="What to call it.")] = None,
    map_file: MapFile = None,
    as_json: JsonFlag = False,
) -> None:
    """Another name or map; `sightline alerts replay` reads what arrived before by the new one."""
    change = {"name": name, "map": None if map_file is None else _map(map_file)}
    change = {field: value for field, value in change.items() if value is not None}
    if not change:
        raise typer.BadParameter("say what to change: --name or --map")
    with connect(ctx) as sightline:
        made = sightline.alerts.change_source(source_id, change)
    print_json(made) if as_json else notes().print("Changed.")


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
    rows = [["address", address], ["secret", made["secret"] or _without(made)], ["where", made["setup"]]]
    print_table(["", "to paste"], rows)
    if made["secret"]:
        notes().print("The secret is not shown again.")


def _without(made: dict[str, Any]) -> str:
    """Why there is no secret."""
    if made["allow_unsigned"]:
        return "none: whoever knows the address may send"
    if made["scheme"] == "sns":
        return "none: it signs with a key of its own"
    return f"none yet: {SECRET_VARIABLE}=... sightline sources rotate {made['id']}"
