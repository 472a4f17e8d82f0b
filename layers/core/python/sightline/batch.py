"""Entries for queues and state machines, on Powertools: one bad message never fails its neighbours."""

from collections.abc import Callable, Mapping
from typing import Any

from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from sightline.errors import DatabaseUnavailableError, MalformedRequestError, SightlineError
from sightline.telemetry import instrumented, logger, report

LambdaHandler = Callable[[dict[str, Any], Any], Any]
Again = Callable[[str, int], None]
"""Has a message that failed delivered again at a time of its own: its receipt, and how often it came."""


def queue_handler(work: Callable[[Mapping[str, Any]], None], *, again: Again | None = None) -> LambdaHandler:
    """A Lambda handler that does work once per SQS message and names the ones to be delivered again."""

    def one(record: SQSRecord) -> None:
        try:
            with_message(work, record)
        except DatabaseUnavailableError:
            raise  # what was claimed could not be given back: only the queue's own time is long enough
        except Exception:
            if again:
                again(record.receipt_handle, int(record.attributes.approximate_receive_count))
            raise

    def handler(event: dict[str, Any], context: Any) -> Any:
        processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event=event, record_handler=one, processor=processor, context=context)

    return instrumented(handler)


def with_message(work: Callable[[Mapping[str, Any]], None], record: SQSRecord) -> None:
    """Runs work on one message; what can never succeed is logged and let go to the dead-letter queue."""
    try:
        work(_body(record))
    except SightlineError as error:
        logger.warning("message failed", code=error.slug, retryable=error.retryable, error=error.detail)
        raise
    except Exception as error:
        logger.exception("message failed unexpectedly")
        report(error)
        raise


def _body(record: SQSRecord) -> Mapping[str, Any]:
    try:
        body = record.json_body
    except ValueError as error:
        raise MalformedRequestError("The message is not JSON.") from error
    if not isinstance(body, dict):
        raise MalformedRequestError("The message is not a JSON object.")
    return body


def task_handler(work: Callable[..., Mapping[str, Any] | None]) -> LambdaHandler:
    """A Step Functions task: input keys become keyword arguments, errors keep their class name."""

    def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
        logger.append_keys(**{key: event[key] for key in ("workspace_id", "asset_id", "run") if key in event})
        try:
            return dict(work(**event) or {})
        except SightlineError as error:
            logger.warning("task failed", code=error.slug, retryable=error.retryable, error=error.detail)
            raise
        except Exception as error:
            logger.exception("task failed unexpectedly")
            report(error)
            raise

    return instrumented(handler)


def schedule_handler(work: Callable[[], Mapping[str, Any] | None]) -> LambdaHandler:
    """A handler for a schedule: the event says nothing that matters."""

    def handler(_event: dict[str, Any], _context: Any) -> dict[str, Any]:
        try:
            return dict(work() or {})
        except Exception as error:
            logger.exception("scheduled work failed")
            report(error)
            raise

    return instrumented(handler)
