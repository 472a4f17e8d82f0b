"""What the demo stands on: a new workspace with tools that may send, runbooks, and a Slack channel."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from client.api import Sightline
from client.incident_demo.receiver import Slack
from client.storm import Family, Vendor

# What the local user pool takes as every confirmation code.
LOCAL_CODE = "123456"
CHOSEN_BY_THE_TOOL = ("sentry", "pagerduty")
"""Their secrets are made there and given to us."""
RUNBOOKS = Path(__file__).parent.parent / "runbooks"


@dataclass(frozen=True, slots=True)
class Door:
    """Where a tool posts to, and what it proves itself by."""

    url: str
    secret: str


def new_workspace(sightline: Sightline) -> None:
    """Signs in as somebody new: counts are then this run's alone."""
    email, password = f"demo-{secrets.token_hex(4)}@example.com", f"Aa1-{secrets.token_urlsafe(18)}"
    sightline.accounts.register(email, password, name="Demo")
    sightline.accounts.confirm(email, LOCAL_CODE)
    sightline.accounts.login(email, password)


def open_doors(sightline: Sightline, vendors: Iterable[Vendor]) -> dict[Vendor, Door]:
    """A source for each tool."""
    doors: dict[Vendor, Door] = {}
    for vendor in vendors:
        theirs = secrets.token_urlsafe(32) if vendor in CHOSEN_BY_THE_TOOL else None
        request = {"name": f"Demo {vendor}", "platform": vendor}
        made = sightline.alerts.add_source(request | ({"secret": theirs} if theirs else {}))
        doors[vendor] = Door(sightline.api_url + made["path"], theirs or made["secret"])
    return doors


def tell(sightline: Sightline, family: Family, slack: Slack) -> None:
    """Who depends on whom, and where to be told."""
    sightline.incidents.put_service_map(family.service_map())
    sightline.notifications.add_channel({"kind": "slack", "name": "#incidents", "url": slack.url})


def read_runbooks(sightline: Sightline) -> int:
    """Ours into the workspace; how many."""
    files = [{"path": path.name, "text": path.read_text()} for path in sorted(RUNBOOKS.glob("*.md"))]
    told = sightline.copilot.read_runbooks({"files": files})
    return int(told["runbooks"]["added"])
