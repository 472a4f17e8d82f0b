"""What a story is told from: the incident, what happened since it was told last, and its summary."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row
from sightline.incidents.grouping import store as incidents
from sightline.incidents.notices import store
from sightline.incidents.notices.wording import Story, story_of
from sightline.settings import get_settings


def story_in(conn: Connection, message: Row, incident: Row) -> Story:
    """As a message is to tell it now."""
    return story_of(
        incident,
        message_id=str(message["id"]),
        events=_since(conn, incident["id"], message["told_version"]),
        summary=store.summary_of(conn, incident["id"]),
        console_url=get_settings().console_url,
    )


def _since(conn: Connection, incident_id: UUID, told_version: int) -> Sequence[Any]:
    """Nothing is news to who was never told."""
    return incidents.events_of(conn, incident_id, after_version=told_version) if told_version else []
