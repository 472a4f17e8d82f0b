"""Logs, metrics and traces on Powertools: a constant message and keys; never payloads, tokens or images."""

import os
from collections.abc import Callable
from functools import cache, wraps
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from sightline.settings import get_settings

if TYPE_CHECKING:
    from sentry_sdk.types import Event

Handler = Callable[[dict[str, Any], Any], Any]

logger = Logger(log_uncaught_exceptions=False, utc=True)
metrics = Metrics(namespace="Sightline")

__all__ = ["MetricUnit", "instrumented", "logger", "metrics", "report", "trace_id"]


def instrumented(handler: Handler) -> Handler:
    """Adds the request's keys to each log line, flushes metrics, and traces where X-Ray listens."""
    wrapped: Handler = logger.inject_lambda_context(_with_metrics(handler), clear_state=True)
    # Lambda itself sets this address; elsewhere there is no daemon to send to.
    if os.environ.get("AWS_XRAY_DAEMON_ADDRESS"):
        from aws_lambda_powertools import Tracer

        wrapped = Tracer().capture_lambda_handler(wrapped, capture_response=False, capture_error=False)
    return wrapped


def _with_metrics(handler: Handler) -> Handler:
    """Powertools' own decorator warns about every request that counted nothing."""

    @wraps(handler)
    def counted(event: dict[str, Any], context: Any) -> Any:
        try:
            return handler(event, context)
        finally:
            if metrics.metric_set:
                metrics.flush_metrics()

    return counted


def trace_id(fallback: str = "") -> str:
    """What a caller may quote and an operator can look up: X-Ray's root id, else the request's."""
    header = os.environ.get("_X_AMZN_TRACE_ID", "")
    root = next((part[5:] for part in header.split(";") if part.startswith("Root=")), "")
    return root or fallback


def report(error: BaseException) -> None:
    """Counts an unexpected failure and sends it to Sentry, where a DSN is set."""
    metrics.add_metric("UnexpectedErrors", MetricUnit.Count, 1)
    client = _sentry()
    if client is not None:
        client.capture_exception(error)
        client.flush(timeout=2)


@cache
def _sentry() -> Any:
    dsn = get_settings().sentry_dsn
    if dsn is None:
        return None
    import sentry_sdk

    sentry_sdk.init(
        dsn=dsn.get_secret_value(),
        environment=get_settings().stage,
        send_default_pii=False,
        include_local_variables=False,
        max_request_body_size="never",
        auto_enabling_integrations=False,
        default_integrations=False,
        max_breadcrumbs=0,
        server_name=os.environ.get("POWERTOOLS_SERVICE_NAME", "sightline"),
        before_send=_without_messages,
    )
    return sentry_sdk


def _without_messages(event: "Event", _hint: dict[str, Any]) -> "Event":
    """Messages of unexpected errors may repeat what a customer sent; class and stack say enough."""
    for item in event.get("exception", {}).get("values", []):
        item["value"] = ""
    return event
