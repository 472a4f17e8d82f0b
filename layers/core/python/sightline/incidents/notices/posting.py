"""Opens a channel's secrets and makes its calls; what came of them, in one outcome."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sightline.database import Row
from sightline.errors import ForbiddenAddressError
from sightline.incidents.notices import rules, slack
from sightline.incidents.notices.dressing import HISTORY, Call, Place, calls, letter, search
from sightline.incidents.notices.slack import Outcome
from sightline.incidents.notices.wording import Story
from sightline.ports.outgoing import Mailer, Vault, WebhookSender
from sightline.settings import get_settings

JSON_TYPE = {"content-type": "application/json; charset=utf-8"}
Secrets = Mapping[str, str]


def purpose(workspace_id: Any, channel_id: Any) -> dict[str, str]:
    """What a channel's secrets are sealed for: one channel of one workspace."""
    return {"workspace_id": str(workspace_id), "channel_id": str(channel_id)}


def seal(secrets: Secrets, *, vault: Vault, workspace_id: Any, channel_id: Any) -> bytes:
    return vault.seal(json.dumps(secrets).encode(), purpose=purpose(workspace_id, channel_id))


def unseal(sealed: bytes, *, vault: Vault, workspace_id: Any, channel_id: Any) -> dict[str, str]:
    found: dict[str, str] = json.loads(vault.unseal(sealed, purpose=purpose(workspace_id, channel_id)))
    return found


@dataclass(frozen=True, slots=True)
class Post:
    """The ways out."""

    vault: Vault
    sender: WebhookSender
    mailer: Mailer

    def secrets(self, message: Row) -> Secrets:
        """Those of a message's channel; a channel that writes mail has none."""
        if message["sealed"] is None:
            return {}
        whose = {"workspace_id": message["workspace_id"], "channel_id": message["channel_id"]}
        return unseal(bytes(message["sealed"]), vault=self.vault, **whose)

    def tell(self, place: Place, secrets: Secrets, stories: Sequence[Story]) -> Outcome:
        """Everything that tells these incidents, until something does not go well."""
        if place.kind == "email":
            return slack.outcome_of(self.mailer.send(letter(place, stories)), by="The mail service")
        if call := search(place):
            sought = self._call(place, secrets, call)
            if sought.status == "retry":
                return sought
            place = replace(place, conversation=place.settings["conversation"], ts=sought.ts)
        outcome = Outcome("failed", "There is nothing to tell.")
        first = None
        for call in calls(place, stories):
            outcome = self._call(place, secrets, call)
            first = first or outcome
            if outcome.status != "sent":
                break
        # Where it stands is said by the first answer; the second is of the thread below it.
        return replace(outcome, place=first.place, ts=first.ts) if first else outcome

    def _call(self, place: Place, secrets: Secrets, call: Call) -> Outcome:
        loopback = get_settings().webhook_loopback
        body = json.dumps(call.body, ensure_ascii=False).encode()
        try:
            if place.kind == "slack":
                # It was checked when it was sealed; rules may have become stricter since.
                rules.check_slack_address(secrets["url"], loopback=loopback)
                return slack.outcome_of(self.sender.post(secrets["url"], body=body, headers=JSON_TYPE))
            base = place.settings["api_url"]
            rules.check_slack_api(base, loopback=loopback)
        except ForbiddenAddressError as refused:
            return Outcome("failed", refused.detail)
        headers = {**JSON_TYPE, "authorization": f"Bearer {secrets['token']}"}
        posted = self.sender.post(f"{base}/{call.method}", body=body, headers=headers)
        looked_for = place.message_id if call.method == HISTORY else None
        return slack.api_outcome(posted, repeatable=call.repeatable, looked_for=looked_for)
