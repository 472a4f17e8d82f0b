"""What a sender's payload says: a folder per sender with a `map.json`, read by one engine, mapping.py.

A map is data: JMESPath expressions for the fields of an alert, and the sender's words for our states and
severities. Adding a sender is a folder; a customer's own is the `generic` sender with the map they wrote. In
CloudWatch's folder, `events/` has a map for each AWS service whose events EventBridge brings.
"""

import json
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from sightline.incidents.senders.mapping import AlertMap
from sightline.incidents.senders.passing_on import PassingMap

PLATFORMS = (
    "alertmanager",
    "cloudwatch",
    "datadog",
    "generic",
    "github",
    "grafana",
    "newrelic",
    "opsgenie",
    "pagerduty",
    "sentry",
    "uptimerobot",
)


@cache
def sender(platform: str) -> AlertMap:
    """The map of one of the platforms. Raises: KeyError."""
    if platform not in PLATFORMS:
        raise KeyError(platform)
    folder = files(__name__) / platform
    own, events = _read(folder / "map.json"), folder / "events"
    if not events.is_dir():
        return AlertMap.model_validate(own)
    kinds = {file.name.removesuffix(".json"): _read(file) for file in events.iterdir()}
    return PassingMap.model_validate({**own, "kinds": kinds})


def _read(file: Traversable) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))
