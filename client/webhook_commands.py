"""sightline webhooks."""

import time
from typing import Annotated, Any

import typer

from client.caller import connect
from client.output import JsonFlag, moment, notes, print_items, print_json, results

webhooks = typer.Typer(help="Who is told when a standing search matches.", no_args_is_help=True)
EndpointId = Annotated[str, typer.Argument(help="The id that `sightline webhooks list` shows.")]
_TEST_TIMEOUT_S, _POLL_S = 30.0, 0.3


@webhooks.command()
def add(
    ctx: typer.Context,
    url: Annotated[str, typer.Argument(help="https address of the receiver.")],
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Register a receiver; its secret is shown once."""
    with connect(ctx) as sightline:
        made = sightline.webhooks.add(url, description=description)
    _print_secret(made, as_json=as_json)


@webhooks.command()
def rotate(
    ctx: typer.Context,
    endpoint_id: EndpointId,
    keep_old: Annotated[
        int | None, typer.Option(metavar="S", help="Seconds that the old one signs too.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Another secret; the old one signs beside it for a day."""
    with connect(ctx) as sightline:
        made = sightline.webhooks.rotate(endpoint_id, keep_old_s=keep_old)
    _print_secret(made, as_json=as_json)


def _print_secret(made: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        print_json(made)
        return
    results().print(made["secret"], markup=False)
    notes().print("This is the only time it is shown: put it where messages are verified.")


@webhooks.command("list")
def list_webhooks(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """All receivers."""
    with connect(ctx) as sightline:
        found = list(sightline.webhooks.all())
    print_items(
        found,
        ["receiver", "", "why", "id"],
        lambda one: [
            one["url"],
            "on" if one["enabled"] else "off",
            one["disabled_reason"] or "",
            one["id"],
        ],
        as_json=as_json,
    )


@webhooks.command("test")
def send_test(ctx: typer.Context, endpoint_id: EndpointId, as_json: JsonFlag = False) -> None:
    """Send a test message, and wait for what comes of it."""
    with connect(ctx) as sightline:
        sent = sightline.webhooks.test(endpoint_id)
        ends_at = time.monotonic() + _TEST_TIMEOUT_S
        while not sent["history"] and time.monotonic() < ends_at:
            time.sleep(_POLL_S)
            sent = sightline.webhooks.delivery(sent["id"])
    if as_json:
        print_json(sent)
    else:
        why = sent["last_error"] or sent["last_status"] or "not tried yet"
        results().print(f"{sent['status']}: {why}", markup=False)
    if sent["status"] != "delivered":
        raise typer.Exit(1)


@webhooks.command()
def deliveries(
    ctx: typer.Context,
    endpoint_id: EndpointId,
    status: Annotated[str | None, typer.Option(help="pending, delivered, failed or cancelled.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """What was sent to a receiver, newest first."""
    with connect(ctx) as sightline:
        found = sightline.webhooks.deliveries(endpoint_id, status=status, limit=limit)
    print_items(
        found,
        ["since", "event", "status", "attempts", "last error", "id"],
        lambda one: [
            moment(one["created_at"]),
            one["event_type"],
            one["status"],
            str(one["attempts"]),
            one["last_error"] or "",
            one["id"],
        ],
        as_json=as_json,
        right=["attempts"],
    )


@webhooks.command()
def resend(
    ctx: typer.Context,
    delivery_id: Annotated[str, typer.Argument(help="The id that `sightline webhooks deliveries` shows.")],
    as_json: JsonFlag = False,
) -> None:
    """The same message once more, with all its attempts."""
    with connect(ctx) as sightline:
        now = sightline.webhooks.resend(delivery_id)
    print_json(now) if as_json else notes().print("It is on its way again.")


@webhooks.command()
def redrive(ctx: typer.Context, endpoint_id: EndpointId, as_json: JsonFlag = False) -> None:
    """Begin everything that failed for good again."""
    with connect(ctx) as sightline:
        now = sightline.webhooks.redrive(endpoint_id)
    print_json(now) if as_json else notes().print(f"{now['redriven']} begun again.", markup=False)


@webhooks.command()
def delete(ctx: typer.Context, endpoint_id: EndpointId) -> None:
    """Forget a receiver, its secrets and its deliveries."""
    with connect(ctx) as sightline:
        sightline.webhooks.delete(endpoint_id)
    notes().print("Deleted.")
