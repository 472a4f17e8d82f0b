"""Every minute: what was held back until now is told, and what was lost on the way is begun again."""

from typing import Any

from sightline.database import transaction
from sightline.ports import NoticeQueue
from sightline.telemetry import logger

# Longer than a lease, a visibility timeout of the queue would do it too: this is for what is in no queue.
LATE_S = 300.0
AGAIN_S = 300.0
PAGE = 200


def sweep(*, queue: NoticeQueue) -> dict[str, Any]:
    """One round; two at once share the work."""
    with transaction() as conn:
        due = conn.execute("SELECT * FROM app.claim_held_channels(%s, %s)", (AGAIN_S, PAGE)).fetchall()
        late = conn.execute("SELECT * FROM app.claim_late_messages(%s, %s)", (LATE_S, PAGE)).fetchall()
    for row in [*due, *late]:
        queue.send({name: str(value) for name, value in row.items()})
    if due or late:
        logger.info("notifications swept", held=len(due), late=len(late))
    return {"held": len(due), "late": len(late)}
