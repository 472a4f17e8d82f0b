"""What becomes of a reading that failed: tried again, over at once, or given up."""

from sightline.database import Row, transaction
from sightline.errors import InternalError, SightlineError
from sightline.incidents.runbooks import ingest_store
from sightline.telemetry import logger

MAX_ATTEMPTS = 5
"""As often as its message is delivered before it is a dead letter (infra_cdk/queues.py)."""
GIVEN_UP = "It could not be read, however often it was tried ({}). Read it again later."
SILENT = "Its reader ended without a word each time: out of time, out of memory, or killed."
UNEXPECTED = "Something failed on our side."


def settled(job: Row, error: Exception) -> bool:
    """Whether that was its end and no delivery would help; else it is left to the next, or given up.

    What a reading was given (a ZIP, a bucket) and a model that refuses it stay as they are.
    """
    if isinstance(error, SightlineError) and not error.retryable:
        why = (error.slug, error.errors[0]["message"] if error.errors else error.detail)
        with transaction(job["workspace_id"]) as conn:
            ingest_store.end_ingest(conn, job["id"], status="failed", failure=why)
        logger.warning("runbooks not read", ingest_id=str(job["id"]), code=error.slug)
        return True
    if job["attempts"] >= MAX_ATTEMPTS:
        give_up(job, error if isinstance(error, SightlineError) else InternalError(UNEXPECTED))
    else:
        with transaction(job["workspace_id"]) as conn:
            ingest_store.release_ingest(conn, job["id"])
    return False


def give_up(job: Row, error: SightlineError) -> None:
    """Says why; what it was to read stays for whoever sends its message back."""
    reason = GIVEN_UP.format(error.detail.rstrip("."))
    with transaction(job["workspace_id"]) as conn:
        ingest_store.give_up_ingest(conn, job["id"], code=error.slug, reason=reason)
    logger.warning("runbooks given up", ingest_id=str(job["id"]), code=error.slug)
