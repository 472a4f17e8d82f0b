"""Every minute: what was held back is told, what was lost begun again, what is long over forgotten."""

from typing import Any

from sightline.database import Connection, transaction
from sightline.ports.work import NoticeQueue
from sightline.settings import get_settings
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
        forgotten = _forget(conn)
    for row in [*due, *late]:
        queue.send({name: str(value) for name, value in row.items()})
    if due or late or forgotten:
        logger.info("notifications swept", held=len(due), late=len(late), forgotten=forgotten)
    return {"held": len(due), "late": len(late), "forgotten": forgotten}


def _forget(conn: Connection) -> int:
    """Messages of incidents that are long over, with what was told in them; a page a round."""
    keep_days = get_settings().notification_keep_days
    row = conn.execute("SELECT app.forget_notifications(%s, %s) AS n", (keep_days, PAGE)).fetchone()
    return int(row["n"]) if row else 0
