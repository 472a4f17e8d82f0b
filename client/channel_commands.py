"""sightline notifications channels: where incidents are told."""

import os
import time
from typing import Annotated, Any, Literal

import typer

from client.api import Sightline
from client.caller import connect
from client.output import JsonFlag, notes, print_json, print_table, results

channels = typer.Typer(help="Where incidents are told.", no_args_is_help=True)
Kind = Literal["slack", "slack-bot", "email", "webhook"]
ChannelId = Annotated[str, typer.Argument(help="The id that `channels list` shows.")]
# Secrets are no arguments: other users of the machine could read those.
SECRETS: dict[str, dict[str, tuple[str, str]]] = {
    "slack": {"url": ("SIGHTLINE_SLACK_URL", "Address of the incoming webhook")},
    "slack-bot": {
        "token": ("SIGHTLINE_SLACK_TOKEN", "Bot User OAuth Token"),
        "signing_secret": ("SIGHTLINE_SLACK_SIGNING_SECRET", "Signing Secret of the app"),
    },
}
INCIDENTS = ["incident.opened", "incident.changed", "incident.resolved"]
_TEST_TIMEOUT_S, _POLL_S = 30.0, 0.3
_WAITS = ("pending", "sending")


@channels.command()
def add(
    ctx: typer.Context,
    kind: Annotated[Kind, typer.Argument(help="slack: an incoming webhook; slack-bot: with buttons.")],
    to: Annotated[
        list[str] | None,
        typer.Argument(help="slack-bot: the channel's id; email: addresses; webhook: the receiver's URL."),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call it; the kind by default.")] = None,
    severity: Annotated[
        str, typer.Option(help="The least that is told: critical, high, medium, low.")
    ] = "info",
    service: Annotated[list[str] | None, typer.Option(help="Only of this service; may be repeated.")] = None,
    team: Annotated[list[str] | None, typer.Option(help="Only of this team's; may be repeated.")] = None,
    quiet: Annotated[str | None, typer.Option(metavar="HH:MM-HH:MM", help="Quiet hours.")] = None,
    timezone: Annotated[str, typer.Option(help="Of the quiet hours: Europe/Berlin.")] = "UTC",
    as_json: JsonFlag = False,
) -> None:
    """Tell a channel of incidents.

    Secrets are asked for, or read from SIGHTLINE_SLACK_URL, or SIGHTLINE_SLACK_TOKEN and
    SIGHTLINE_SLACK_SIGNING_SECRET.
    """
    request: dict[str, Any] = {"kind": kind.replace("-", "_"), "name": name or kind, **_where(kind, to or [])}
    request |= {field: _secret(*how) for field, how in SECRETS.get(kind, {}).items()}
    request["filters"] = {"min_severity": severity, "services": service or [], "teams": team or []}
    if quiet:
        begin, _, end = quiet.partition("-")
        request["quiet_hours"] = {"timezone": timezone, "begin": begin, "end": end}
    with connect(ctx) as sightline:
        if kind == "webhook":
            made = sightline.webhooks.add(request["url"], description=name or "", event_types=INCIDENTS)
        else:
            made = sightline.notifications.add_channel(request)
        _show(sightline, made, as_json=as_json)


def _where(kind: Kind, to: list[str]) -> dict[str, Any]:
    """Where it leads, as far as that is no secret."""
    if kind == "email" and to:
        return {"addresses": to}
    if kind == "slack-bot" and len(to) == 1:
        return {"conversation": to[0]}
    if kind == "webhook" and len(to) == 1:
        return {"url": to[0]}
    if kind == "slack" and not to:
        return {}
    wanted = {"email": "one address or more", "slack-bot": "the channel's id", "webhook": "one URL"}
    raise typer.BadParameter(f"A channel of the kind {kind} wants {wanted.get(kind, 'nothing more')}.")


def _secret(variable: str, prompt: str) -> str:
    return os.environ.get(variable) or str(typer.prompt(prompt, hide_input=True, err=True))


def _show(sightline: Sightline, made: dict[str, Any], *, as_json: bool) -> None:
    """What it is, and what is to be pasted elsewhere."""
    path = made.get("interactions_path")
    if as_json:
        print_json(made | ({"interactions_url": sightline.api_url + path} if path else {}))
        return
    rows = [["id", made["id"]]]
    rows += [["Request URL", sightline.api_url + path]] if path else []
    rows += [["secret", made["secret"]]] if "secret" in made else []
    print_table(["", "channel"], rows)
    if path:
        notes().print("Paste the Request URL at the app, Interactivity & Shortcuts: its buttons lead there.")
    if "secret" in made:
        notes().print("The secret is not shown again: put it where messages are verified.")


@channels.command("list")
def list_channels(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Everything that is told of incidents, webhooks too."""
    with connect(ctx) as sightline:
        found = list(sightline.notifications.channels())
        hooks = [one for one in sightline.webhooks.all() if set(INCIDENTS) & set(one["event_types"])]
    if as_json:
        print_json({"items": found, "webhooks": hooks})
        return
    rows = [
        [
            one["name"],
            one["kind"],
            one["filters"]["min_severity"],
            _rests(one["quiet_hours"]),
            "on" if one["enabled"] else "off",
            one["last_error"] or "",
            one["id"],
        ]
        for one in found
    ]
    rows += [
        [
            one["description"] or one["url"],
            "webhook",
            "info",
            "",
            "on" if one["enabled"] else "off",
            "",
            one["id"],
        ]
        for one in hooks
    ]
    print_table(["channel", "kind", "least", "quiet", "state", "last error", "id"], rows)


def _rests(quiet: dict[str, Any] | None) -> str:
    """22:00-07:00 Europe/Berlin"""
    return f"{quiet['begin'][:5]}-{quiet['end'][:5]} {quiet['timezone']}" if quiet else ""


@channels.command("test")
def send_test(
    ctx: typer.Context,
    channel_id: ChannelId,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be sent, and send nothing.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Send a message that says it is a test, and wait for what comes of it."""
    with connect(ctx) as sightline:
        if dry_run:
            print_json({"items": sightline.notifications.preview_test(channel_id)})
            return
        sent = sightline.notifications.test(channel_id)
        ends_at = time.monotonic() + _TEST_TIMEOUT_S
        while sent["status"] in _WAITS and not sent["last_error"] and time.monotonic() < ends_at:
            time.sleep(_POLL_S)
            sent = sightline.notifications.notification(sent["id"])
    if as_json:
        print_json(sent)
    else:
        results().print(f"{sent['status']}: {sent['last_error'] or 'all well'}", markup=False)
    if sent["status"] != "sent":
        raise typer.Exit(1)


@channels.command()
def delete(
    ctx: typer.Context,
    channel_id: ChannelId,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Forget a channel, its secrets and what was told through it."""
    if not yes and not as_json:
        typer.confirm("Tell this channel nothing more?", abort=True, err=True)
    with connect(ctx) as sightline:
        sightline.notifications.delete_channel(channel_id)
    print_json({"id": channel_id, "deleted": True}) if as_json else notes().print("Deleted.")
