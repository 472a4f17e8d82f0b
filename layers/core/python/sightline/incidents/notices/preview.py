"""What every channel would be sent now: rendered by the same code that sends, and sent by none."""

from datetime import datetime
from uuid import UUID

from sightline.database import Connection, Row, transaction
from sightline.errors import NotFoundError
from sightline.incidents.grouping import store as incidents
from sightline.incidents.notices import messages, rules, store
from sightline.incidents.notices.dressing import Place, calls, letter
from sightline.incidents.notices.pipeline import found
from sightline.incidents.notices.reading import story_in
from sightline.incidents.notices.schemas import MAX_CHANNELS, DryRunAnswer, Rendered, RenderedCall
from sightline.incidents.notices.sending import place_of, rest_until
from sightline.incidents.notices.wording import Story
from sightline.principal import Principal


def test_preview(principal: Principal, channel_id: UUID) -> DryRunAnswer:
    """A channel's test message. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        channel = found(store.channel(conn, channel_id))
    place = Place(channel["kind"], channel["name"], channel["settings"], message_id=str(UUID(int=0)))
    return DryRunAnswer(items=[_rendered(channel, place, [], None)])


def incident_preview(principal: Principal, incident_id: UUID) -> DryRunAnswer:
    """The next change of an incident, in every channel. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        incident = incidents.incident(conn, incident_id)
        if incident is None:
            raise NotFoundError("There is no such incident.")
        known, teams = messages.known(conn, incident_id), store.teams_of(conn, incident_id)
        channels = store.channels(conn, before=None, limit=MAX_CHANNELS)
        return DryRunAnswer(
            items=[_preview(conn, one, incident, known.get(one["id"]), teams) for one in channels]
        )


def _preview(conn: Connection, channel: Row, incident: Row, known: Row | None, teams: list[str]) -> Rendered:
    there = messages.of(conn, known["id"]) if known else None
    message = there or messages.imagined(conn, channel["id"])
    reason = _reason(conn, channel, incident, message, teams, known=known is not None)
    return _rendered(channel, place_of(message), [story_in(conn, message, incident)], reason)


def _reason(
    conn: Connection, channel: Row, incident: Row, message: Row, teams: list[str], *, known: bool
) -> str | None:
    """Why it would not be sent at once."""
    if not channel["enabled"]:
        return "The channel is switched off."
    if reason := rules.unwanted(channel, incident, teams=teams, known=known, opens=False):
        return reason
    until = rest_until(conn, message, incident)
    return f"It is held back until {until:%Y-%m-%d %H:%M} ({_zone(channel, until)})." if until else None


def _zone(channel: Row, until: datetime) -> str:
    """Of quiet hours their own, of all else ours."""
    return "UTC" if until.tzinfo else str(channel["quiet"]["timezone"])


def _rendered(channel: Row, place: Place, stories: list[Story], reason: str | None) -> Rendered:
    return Rendered(
        channel_id=channel["id"],
        name=channel["name"],
        kind=channel["kind"],
        told=reason is None,
        reason=reason,
        calls=[] if reason else _calls(place, stories),
    )


def _calls(place: Place, stories: list[Story]) -> list[RenderedCall]:
    if place.kind == "email":
        mail = letter(place, stories)
        body = {"subject": mail.subject, "text": mail.text, "html": mail.html}
        return [RenderedCall(to=", ".join(mail.to), body=body)]
    # An incoming webhook's address is its secret.
    base = place.settings.get("api_url")
    return [
        RenderedCall(to=f"{base}/{one.method}" if base else one.method, body=dict(one.body))
        for one in calls(place, stories)
    ]
