"""What a story is told from: the incident, what happened since it was told last, and its summary."""

from sightline.database import Connection, Row
from sightline.incidents.grouping import timeline_store
from sightline.incidents.notices import store
from sightline.incidents.notices.wording import Story, story_of
from sightline.settings import get_settings


def story_in(conn: Connection, message: Row, incident: Row) -> Story:
    """As a message is to tell it now. What was summed up of alerts that are another's holds no more."""
    left = incident["status"] in ("merged", "gathering")
    return story_of(
        incident,
        message_id=str(message["id"]),
        events=_since(conn, incident, message["told_version"]),
        summary=None if left else store.summary_of(conn, incident["id"]),
        console_url=get_settings().console_url,
        went_to=store.went_to(conn, incident),
    )


def _since(conn: Connection, incident: Row, told_version: int) -> list[Row]:
    """What happened up to this version: what came while it was read is news of the next."""
    if not told_version:  # nothing is news to who was never told
        return []
    found = timeline_store.events_of(conn, incident["id"], after_version=told_version)
    return [one for one in found if one["version"] <= incident["version"]]
