"""sightline incidents: what belongs together, what became of it, and what people say of it."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from client.caller import connect
from client.output import JsonFlag, moment, notes, percent, print_items, print_json, print_table

incidents = typer.Typer(help="Alerts that belong together.", invoke_without_command=True)
IncidentId = Annotated[str, typer.Argument(metavar="INCIDENT", help="INC-12, or its id.")]
UNREADABLE = ("alert_id", "incident_id", "summary_id", "text", "absorbed", "into", "score")
"""Of a timeline's entries: ids, and what `summary` shows better."""
Note = Annotated[str | None, typer.Option(help="Why; it stands in the timeline.")]


@incidents.callback()
def list_incidents(
    ctx: typer.Context,
    status: Annotated[
        str | None, typer.Option(help="gathering, open, investigating, resolved or merged.")
    ] = None,
    severity: Annotated[str | None, typer.Option(help="critical, high, medium, low or info.")] = None,
    service: Annotated[str | None, typer.Option(help="Only with alerts of this service.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="Most to show.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """Alerts that belong together, newest first."""
    if ctx.invoked_subcommand:
        return
    with connect(ctx) as sightline:
        found = sightline.incidents.newest(limit=limit, status=status, severity=severity, service=service)
    print_items(
        found,
        ["incident", "severity", "status", "title", "services", "firing", "id"],
        lambda one: [
            f"INC-{one['number']}",
            one["severity"],
            one["status"],
            one["title"],
            ", ".join(one["services"]),
            f"{one['firing_count']} of {one['alert_count']}",
            one["id"],
        ],
        as_json=as_json,
        none="None. What too few alerts speak of so far: --status gathering.",
    )


@incidents.command()
def show(ctx: typer.Context, incident_id: IncidentId, as_json: JsonFlag = False) -> None:
    """One incident, its alerts, and why each is one of them."""
    with connect(ctx) as sightline:
        incident_id = sightline.incidents.id_of(incident_id)
        found = sightline.incidents.get(incident_id)
        alerts = list(sightline.incidents.alerts(incident_id))
    if as_json:
        print_json(found | {"alerts": alerts})
        return
    _facts(found)
    rows = [
        [
            moment(one["occurred_at"]),
            one["status"],
            one["title"],
            ", ".join(one["joined_because"]["because"]),
            one["id"],
        ]
        for one in alerts
    ]
    print_table(["since", "status", "alert", "joined because", "id"], rows)


@incidents.command()
def timeline(ctx: typer.Context, incident_id: IncidentId, as_json: JsonFlag = False) -> None:
    """All that was done, oldest first: who or what, when, from what, to what."""
    with connect(ctx) as sightline:
        found = list(sightline.incidents.timeline(sightline.incidents.id_of(incident_id)))
    print_items(
        found,
        ["when", "who", "what", "from", "to", "why"],
        lambda one: [
            moment(one["at"]),
            _who(one["actor"]),
            one["kind"],
            _said(one["before"]),
            _said(one["after"]),
            one["reason"],
        ],
        as_json=as_json,
    )


@incidents.command()
def similar(ctx: typer.Context, incident_id: IncidentId, as_json: JsonFlag = False) -> None:
    """Earlier incidents that were like it, and what resolved them."""
    with connect(ctx) as sightline:
        found = sightline.incidents.similar(sightline.incidents.id_of(incident_id))
    print_items(
        found,
        ["incident", "similar", "title", "what resolved it", "id"],
        lambda one: [
            f"INC-{one['number']}",
            percent(one["similarity"]),
            one["title"],
            one["resolution"] or f"by {one['resolved_by']}",
            one["id"],
        ],
        as_json=as_json,
    )


@incidents.command()
def investigate(
    ctx: typer.Context, incident_id: IncidentId, owner: str = "", note: Note = None, as_json: JsonFlag = False
) -> None:
    """Say that somebody looks at it."""
    _change(ctx, incident_id, as_json=as_json, status="investigating", owner=owner or None, note=note)


incidents.command("acknowledge", help="The same as investigate.")(investigate)


@incidents.command()
def resolve(
    ctx: typer.Context, incident_id: IncidentId, note: Note = None, as_json: JsonFlag = False
) -> None:
    """Say that it is over, and with --note what resolved it."""
    _change(ctx, incident_id, as_json=as_json, status="resolved", note=note)


@incidents.command()
def change(
    ctx: typer.Context,
    incident_id: IncidentId,
    status: Annotated[str | None, typer.Option(help="open, investigating or resolved.")] = None,
    owner: Annotated[str | None, typer.Option(help="Empty: nobody.")] = None,
    severity: Annotated[str | None, typer.Option(help="critical, high, medium, low or info.")] = None,
    title: Annotated[str | None, typer.Option()] = None,
    note: Note = None,
    as_json: JsonFlag = False,
) -> None:
    """Say anything of it that its alerts do not."""
    said = {"status": status, "owner": owner, "severity": severity, "title": title, "note": note}
    _change(ctx, incident_id, as_json=as_json, **said)


@incidents.command()
def snooze(
    ctx: typer.Context,
    incident_id: IncidentId,
    minutes: Annotated[int, typer.Option(min=0, help="0 ends it.")] = 60,
    as_json: JsonFlag = False,
) -> None:
    """Tell nobody of it for a while."""
    until = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat() if minutes else None
    with connect(ctx) as sightline:
        found = sightline.incidents.id_of(incident_id)
        _answer(sightline.incidents.snooze(found, until), as_json=as_json)


@incidents.command()
def merge(
    ctx: typer.Context,
    incident_id: IncidentId,
    others: Annotated[list[str], typer.Argument(metavar="OTHER...", help="Those that go into it.")],
    as_json: JsonFlag = False,
) -> None:
    """Make one of several."""
    with connect(ctx) as sightline:
        home, *goers = map(sightline.incidents.id_of, [incident_id, *others])
        _answer(sightline.incidents.merge(home, goers), as_json=as_json)


@incidents.command()
def split(
    ctx: typer.Context,
    incident_id: IncidentId,
    alerts: Annotated[list[str], typer.Argument(metavar="ALERT...", help="Their ids, as `show` has them.")],
    as_json: JsonFlag = False,
) -> None:
    """Make an incident of its own of some of its alerts."""
    with connect(ctx) as sightline:
        found = sightline.incidents.id_of(incident_id)
        _answer(sightline.incidents.split(found, alerts), as_json=as_json)


@incidents.command("service-map")
def service_map(
    ctx: typer.Context,
    file: Annotated[Path, typer.Argument(help='JSON: {"checkout": ["payments-db"], ...}', exists=True)],
    as_json: JsonFlag = False,
) -> None:
    """Tell what stands on what."""
    try:
        services = json.loads(file.read_text())
    except ValueError as error:
        raise typer.BadParameter(f"{file} is not JSON ({error})") from error
    with connect(ctx) as sightline:
        kept = sightline.incidents.put_service_map(services)
    if as_json:
        print_json(kept)
    else:
        notes().print(f"{len(kept['services'])} services depend on others.")


def _change(ctx: typer.Context, incident_id: str, *, as_json: bool, **said: str | None) -> None:
    with connect(ctx) as sightline:
        found = sightline.incidents.id_of(incident_id)
        _answer(sightline.incidents.change(found, **said), as_json=as_json)


def _answer(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(found)
    else:
        _facts(found)


def _facts(found: dict[str, Any]) -> None:
    facts = {
        "incident": f"INC-{found['number']} {found['title']}",
        "status": found["status"],
        "severity": found["severity"],
        "services": ", ".join(found["services"]),
        "owner": found["owner"],
        "alerts": f"{found['firing_count']} of {found['alert_count']} fire",
        "since": moment(found["first_alert_at"]),
        "snoozed until": moment(found["snoozed_until"]),
        "resolved": found["resolution"] or moment(found["resolved_at"]),
        "id": found["id"],
    }
    print_table(["field", "value"], [[name, value] for name, value in facts.items() if value])


def _who(actor: str) -> str:
    """user:e31e1cd0-... is user e31e1cd0."""
    kind, _, name = actor.partition(":")
    return f"{kind} {name.partition('-')[0]}".strip()


def _said(values: dict[str, Any]) -> str:
    """status open, alerts 2: what people can read; the rest is for programs."""
    return ", ".join(
        f"{name} {value}" for name, value in values.items() if value is not None and name not in UNREADABLE
    )
