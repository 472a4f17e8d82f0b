"""What a sender's payload says: a folder per sender with a `map.json`, read by one engine, mapping.py.

A map is data: JMESPath expressions for the fields of an alert, and the sender's words for our states and
severities. Adding a sender is a folder; a customer's own is the `generic` sender with the map they wrote.
"""

import json
from functools import cache
from importlib.resources import files

from sightline.incidents.senders.mapping import AlertMap

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
    text = files(__name__).joinpath(platform, "map.json").read_text(encoding="utf-8")
    return AlertMap.model_validate(json.loads(text))
