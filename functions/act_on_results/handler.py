"""Tags, untags or deletes the videos that hold a search's results, from a queue."""

from collections.abc import Mapping
from typing import Any

from sightline.batch import queue_handler
from sightline.scenarios.actions import work
from sightline.wiring import actions, purges


def act(message: Mapping[str, Any]) -> None:
    """One job, or the rest of one."""
    work(message, queue=actions(), purges=purges())


handler = queue_handler(act)
