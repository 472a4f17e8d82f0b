"""Sends webhooks, from a queue: one attempt a message, and a later message for the next."""

from collections.abc import Mapping
from random import SystemRandom
from typing import Any

from sightline.batch import queue_handler
from sightline.outgoing.delivery import deliver
from sightline.wiring import deliveries, vault, webhook_sender


def send(message: Mapping[str, Any]) -> None:
    """One delivery."""
    deliver(message, vault=vault(), sender=webhook_sender(), queue=deliveries(), random=SystemRandom())


handler = queue_handler(send)
