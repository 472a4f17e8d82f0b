"""Takes deliveries of monitoring tools in; imports only what a sender's one second allows."""

from sightline.webhook_wiring import handler

__all__ = ["handler"]
