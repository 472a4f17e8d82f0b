"""A message of one incident in one channel: claimed, sent, written down; held back, tried again.

At most once for each change. Who claims a message takes all that waits for it, and tells what the incident is
like now. Who dies while sending leaves a change of which nobody knows whether it arrived; it is not sent
again, and the next change puts the message right, which a bot looks for first.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import Any
from uuid import UUID

from sightline.database import Connection, Row, transaction
from sightline.incidents.grouping import store as incidents
from sightline.incidents.notices import messages, rules, store
from sightline.incidents.notices.dressing import Place
from sightline.incidents.notices.posting import Post
from sightline.incidents.notices.reading import story_in
from sightline.incidents.notices.slack import Outcome
from sightline.incidents.notices.wording import Story
from sightline.ports.work import NoticeQueue
from sightline.telemetry import MetricUnit, logger, metrics

# Longer than three calls of 15 s may take: who holds a lease and died is not waited for much longer.
LEASE_S = 60.0
# What SQS delays a message by at most; a longer pause is made of several.
MAX_DELAY_S = 900
DIGEST_AT_ONCE = 50


@dataclass(frozen=True, slots=True)
class Claim:
    """One change of one incident, for whoever claimed it alone to send. No story: a test."""

    message: Row
    change: Row
    story: Story | None


@dataclass(frozen=True, slots=True)
class Desk:
    """Sends what waits."""

    post: Post
    queue: NoticeQueue
    random: Random

    def take(self, job: Mapping[str, Any]) -> None:
        """One message, or all that a channel holds back. Taken twice, or for nothing, it does nothing."""
        workspace_id = str(UUID(job["workspace_id"]))
        if "channel_id" in job:
            self._release(workspace_id, UUID(job["channel_id"]))
            return
        message_id = UUID(job["message_id"])
        with transaction(workspace_id) as conn:
            message = messages.of(conn, message_id)
            waiting = message is not None and messages.waiting(conn, message_id)
        if message is None or not waiting:
            return
        if message["wait_s"] > 0:
            self._later(job, message["wait_s"])
            return
        self._send(workspace_id, message, [message_id])

    def _release(self, workspace_id: str, channel_id: UUID) -> None:
        """What was held back: each on its own where it has a place of its own, else all in one."""
        with transaction(workspace_id) as conn:
            channel = store.channel(conn, channel_id)
            held = messages.held_messages(conn, channel_id, limit=DIGEST_AT_ONCE) if channel else []
            first = messages.of(conn, held[0]) if held else None
        if first is not None and channel is not None and channel["kind"] != "slack_bot":
            self._send(workspace_id, first, held)
        else:
            for message_id in held:
                self.queue.send({"workspace_id": workspace_id, "message_id": str(message_id)})
        if len(held) == DIGEST_AT_ONCE:
            self.queue.send({"workspace_id": workspace_id, "channel_id": str(channel_id)})
        with transaction(workspace_id) as conn:
            messages.release_channel(conn, channel_id)

    def _send(self, workspace_id: str, message: Row, message_ids: Sequence[UUID]) -> None:
        """All of them in one call. The secrets are opened first: who fails at that has claimed nothing."""
        secrets = self.post.secrets(message)
        with transaction(workspace_id) as conn:
            claims = [one for one in (claim(conn, message_id) for message_id in message_ids) if one]
        if not claims:
            return
        place = place_of(claims[0].message)
        outcome = self.post.tell(place, secrets, [one.story for one in claims if one.story])
        for one in claims:
            self._end(workspace_id, one, outcome, later="held" if len(claims) > 1 else "pending")

    def _end(self, workspace_id: str, one: Claim, outcome: Outcome, *, later: str) -> None:
        """Writes down what came of it, and comes back to what is still to be told.

        later: a digest that did not go well is held back again, and stays one.
        """
        asked_s = outcome.retry_after_s
        again = outcome.status == "retry"
        pause_s = rules.pause_s(one.change["tries"], asked_s=asked_s, random=self.random) if again else None
        status = ("failed" if pause_s is None else later) if again else outcome.status
        with transaction(workspace_id) as conn:
            messages.end(conn, one.change, status=status, outcome=outcome, pause_s=pause_s)
            messages.note_channel(
                conn, one.message["channel_id"], error=outcome.error, busy_s=asked_s if again else None
            )
            waiting = "pending" in messages.waiting(conn, one.message["id"])
        if waiting:
            job = {"workspace_id": workspace_id, "message_id": str(one.message["id"])}
            self._later(job, pause_s or 0.0)
        metrics.add_metric(f"Notifications{status.title()}", MetricUnit.Count, 1)
        logger.info(
            "notification attempted",
            notification_id=str(one.change["id"]), channel_id=str(one.message["channel_id"]),
            outcome=status, http_status=outcome.http_status, tries=one.change["tries"],
        )  # fmt: skip

    def _later(self, job: Mapping[str, Any], wait_s: float) -> None:
        self.queue.send(dict(job), delay_s=min(int(wait_s) + 1, MAX_DELAY_S) if wait_s > 0 else 0)


def claim(conn: Connection, message_id: UUID) -> Claim | None:
    """What waits for a message, as one change; None where it must wait, or nobody is to be told."""
    message = messages.of(conn, message_id, lock=True)
    if message is None or message["wait_s"] > 0:
        return None
    messages.give_up_lost(conn, message)
    waiting = messages.waiting(conn, message_id)
    if not waiting:
        return None
    if not message["channel"]["enabled"]:
        messages.cancel(conn, message_id, why="The channel was switched off.")
        return None
    if message["incident_id"] is None:
        change = messages.claim(conn, message, version=0, lease_s=LEASE_S)
        return Claim(message, change, None) if change else None
    incident = incidents.incident(conn, message["incident_id"])
    if incident is None or not _may_tell(conn, message, incident, waiting):
        return None
    change = messages.claim(conn, message, version=incident["version"], lease_s=LEASE_S)
    return Claim(message, change, story_in(conn, message, incident)) if change else None


def _may_tell(conn: Connection, message: Row, incident: Row, waiting: set[str]) -> bool:
    """Whether people are to hear of it at this hour; otherwise it is held back, or given up."""
    until = rest_until(conn, message, incident)
    if until is not None:
        messages.hold(conn, message, until=until)
        return False
    told, held, quiet = message["told_version"] > 0, waiting == {"held"}, message["channel"]["quiet"]
    if rules.missed(incident, told=told, held=held, quiet=quiet):
        messages.cancel(conn, message["id"], why="It was over before anybody was to be told.")
        return False
    return True


def rest_until(conn: Connection, message: Row, incident: Row) -> datetime | None:
    """Until when nobody is to hear of it; without a zone it is by the clock of the quiet hours."""
    if until := rules.snoozed_until(incident, now=message["now"]):
        return until
    if incident["status"] not in rules.OVER and (until := store.maintenance_until(conn, incident)):
        return until
    return rules.quiet_until(
        message["channel"]["quiet"], severity=incident["severity"], clock=message["clock"]
    )


def place_of(message: Row) -> Place:
    """Where a message goes, and where it stands."""
    channel = message["channel"]
    return Place(
        kind=channel["kind"],
        name=channel["name"],
        settings=channel["settings"],
        message_id=str(message["id"]),
        conversation=message["place"],
        ts=message["ts"],
        astray=message["astray"],
    )
