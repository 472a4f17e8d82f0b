"""What a call of the endpoint that failed means: whose fault it is, and whether asking again may help."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    IncompleteReadError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from sightline.errors import EndpointRefusedError, EndpointUnavailableError, ModelRevisionGoneError

FAILURES = (
    ClientError,
    BotoConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseStreamingError,
)
"""What boto3 raises when a service failed, or the way to it."""
BUSY = frozenset(
    {
        "InternalDependencyException",
        "InternalFailure",
        "ModelNotReadyException",
        "ServiceUnavailable",
        "ThrottlingException",
        "ValidationError",  # the endpoint is missing or not in service; what we send is valid by construction
    }
)
MISMATCH = "model-mismatch"
LATER = frozenset({408, 429})
"""Of the statuses that refuse, those that another try may change."""


@dataclass(frozen=True, slots=True)
class Setback:
    """An attempt that failed: what to raise if it was the last, and whether another one may help."""

    error: Exception
    again: bool = False
    broken: bool = False
    """Counts against the endpoint; a full queue does not: it answered."""
    silent: bool = False
    """Nobody said anything until the time was up."""
    pause_s: float = 0.0


def setback_of(error: Exception) -> Setback:
    """boto3's failures as ours; anything else (a missing permission) is a fault to be seen as it is."""
    if not isinstance(error, ClientError):
        silent = isinstance(error, ReadTimeoutError | ConnectTimeoutError)
        return Setback(EndpointUnavailableError(type(error).__name__), again=True, broken=True, silent=silent)
    code = error.response.get("Error", {}).get("Code", "")
    if code in BUSY:
        busy = EndpointUnavailableError(f"SageMaker answered {code}")
        return Setback(busy, again=True, broken=code != "ThrottlingException")
    if code != "ModelError":
        return Setback(error)
    response: dict[str, Any] = dict(error.response)
    status = int(response.get("OriginalStatusCode", 500))
    return setback_of_model(status, problem_of(str(response.get("OriginalMessage", ""))))


def setback_of_model(status: int, problem: dict[str, Any]) -> Setback:
    """What the container itself answered; SageMaker says 0 where it answered nothing in time, or died."""
    said = str(problem.get("detail") or (f"the model answered {status}" if status else "the model is silent"))
    if status in LATER or not 400 <= status < 500:
        pause_s = float(problem.get("retry_after_s") or 0)
        error = EndpointUnavailableError(said, retry_after_s=math.ceil(pause_s) or None)
        broken = status not in LATER
        return Setback(error, again=True, broken=broken, silent=status == 0, pause_s=pause_s)
    if problem.get("code") == MISMATCH:
        return Setback(ModelRevisionGoneError(said))
    return Setback(EndpointRefusedError(said))


def problem_of(message: str) -> dict[str, Any]:
    """The problem answer; empty when SageMaker cut the message short."""
    try:
        problem = json.loads(message)
    except ValueError:
        return {}
    return problem if isinstance(problem, dict) else {}
