"""Tells people of incidents, and does what they press: what the bus says, and what waits, in one queue."""

from collections.abc import Mapping
from random import SystemRandom
from typing import Any

from sightline.batch import queue_handler
from sightline.incidents.notices.buttons import Buttons
from sightline.incidents.notices.choosing import incident_changed
from sightline.incidents.notices.posting import Post
from sightline.incidents.notices.sending import Desk
from sightline.wiring import channel_vault, deliveries, events, mailer, notices, slack_sender


def tell(message: Mapping[str, Any]) -> None:
    """A change of an incident, a button, or a message that waits."""
    if "detail" in message:
        incident_changed(message, notices=notices(), deliveries=deliveries())
    elif "pressed" in message:
        Buttons(channel_vault(), slack_sender(), events()).take(message["pressed"])
    else:
        Desk(Post(channel_vault(), slack_sender(), mailer()), notices(), SystemRandom()).take(message)


handler = queue_handler(tell)
