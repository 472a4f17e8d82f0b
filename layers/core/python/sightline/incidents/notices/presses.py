"""Takes a press of a Slack button in, and says so at once: Slack waits for three seconds, a paused database
longer. Whether it was Slack is found out by who works the press off, before anything else (buttons.py)."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from uuid import UUID

from sightline.errors import MalformedRequestError, PayloadTooLargeError, SignatureInvalidError
from sightline.incidents.notices.signatures import check_time
from sightline.ports.work import NoticeQueue

# What Slack posts shows the whole message, 20 KB or so; a message of the queue has at most 256 KB.
MAX_PRESS_BYTES = 100_000
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Press:
    """A press as it came, still to be proven. stamp: the second in which it was sent, checked on arrival."""

    channel_id: str
    stamp: str
    signature: str
    body: str


def take_in(
    channel_id: UUID, *, body: bytes, headers: Mapping[str, str], now_s: float, queue: NoticeQueue
) -> None:
    """Raises: SignatureInvalidError, PayloadTooLargeError, MalformedRequestError."""
    stamp, signature = check_time(headers, now_s=now_s), headers.get("x-slack-signature", "")
    if not SIGNATURE.fullmatch(signature):
        raise SignatureInvalidError("It is not signed as Slack signs.")
    if len(body) > MAX_PRESS_BYTES:
        raise PayloadTooLargeError(f"A press has at most {MAX_PRESS_BYTES:,} bytes.")
    if not body.isascii():
        raise MalformedRequestError("It is not a form.")
    queue.send({"pressed": asdict(Press(str(channel_id), stamp, signature, body.decode()))})
