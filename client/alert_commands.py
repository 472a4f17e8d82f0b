"""sightline alerts: what monitoring tools say, and what became of what they sent."""

from typing import Annotated, Any

import typer

from client.caller import connect
from client.output import JsonFlag, moment, notes, percent, print_items, print_json, print_table, results

alerts = typer.Typer(help="What they said.", invoke_without_command=True)

DeliveryId = Annotated[str, typer.Argument(help="The id that `sightline alerts deliveries` shows.")]
PLACE = ("service", "host", "environment", "region")
BECAME = ("source_id", "trust", "outcome", "reason", "alerts")


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
        ["severity", "alert", "service", "status", "times", "since", "from", "id"],
        lambda one: [
            one["severity"]["label"],
            one["title"],
            one["service"] or "",
            one["status"],
            str(one["occurrences"]),
            moment(one["occurred_at"]),
            one["platform"],
            one["id"],
        ],
        as_json=as_json,
    )


@alerts.command("show")
def show_alert(
    ctx: typer.Context,
    alert_id: Annotated[str, typer.Argument(help="The id that `sightline alerts` shows.")],
    as_json: JsonFlag = False,
) -> None:
    """One alert: how it was judged, by whom, and what it names."""
    with connect(ctx) as sightline:
        found = sightline.alerts.alert(alert_id)
    if as_json:
        print_json(found)
        return
    facts = {name: found[name] for name in ("title", "status", *PLACE, "url", "description", "trust")}
    facts |= {name: _judged(found[name]) for name in ("severity", "category", "team")}
    facts |= {
        "names": "\n".join(f"{one['label']} {one['text']} ({one['source']})" for one in found["entities"])
    }
    facts |= {"times said": found["occurrences"], "began": moment(found["occurred_at"])}
    facts |= {"received": moment(found["received_at"]), "recovered": moment(found["recovered_at"])}
    facts |= {"judged": "by rules: a model did not answer" if found["degraded"] else ""}
    facts |= {"delivery": found["last_delivery_id"]}
    print_table(["field", "value"], [[name, str(value)] for name, value in facts.items() if value])


def _judged(judgement: dict[str, Any]) -> str:
    sure = judgement["confidence"]
    return f"{judgement['label']} ({judgement['by']}{'' if sure is None else f', {percent(sure)} sure'})"


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
        names = {} if as_json else {one["id"]: one["name"] for one in sightline.alerts.sources()}
    print_items(
        found,
        ["received", "source", "trust", "outcome", "alerts", "why", "id"],
        lambda one: [
            moment(one["received_at"]),
            names.get(one["source_id"], one["source_id"]),
            one["trust"],
            one["outcome"],
            str(one["alerts"]),
            one["reason"] or "",
            one["id"],
        ],
        as_json=as_json,
    )


@alerts.command("delivery")
def show_delivery(ctx: typer.Context, delivery_id: DeliveryId, as_json: JsonFlag = False) -> None:
    """One delivery: what was sent, byte by byte, and what became of it."""
    with connect(ctx) as sightline:
        found = sightline.alerts.delivery(delivery_id)
    if as_json:
        print_json(found)
        return
    facts = {"received": moment(found["received_at"]), **{name: found[name] for name in BECAME}}
    facts |= found["headers"]
    print_table(
        ["field", "value"], [[name, str(value)] for name, value in facts.items() if value is not None]
    )
    results().print(found["raw_payload"], markup=False, soft_wrap=True)


@alerts.command("replay")
def replay(
    ctx: typer.Context,
    delivery_id: DeliveryId,
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
