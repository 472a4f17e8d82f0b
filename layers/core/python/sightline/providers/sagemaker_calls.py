"""InvokeEndpoint with time-outs, retries and a circuit breaker; its failures as ours.

Every task of the endpoint is a pure function of its input, so a call may be repeated. One that was refused
for good, or that used up its time, is not.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectTimeoutError,
    HTTPClientError,
    ReadTimeoutError,
    ResponseStreamingError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError
from pydantic import ValidationError

from sightline.contracts.inference import MAX_TEXTS, Call
from sightline.errors import EndpointRefusedError, EndpointUnavailableError, ModelRevisionGoneError
from sightline.providers.circuit import Circuit
from sightline.telemetry import logger, trace_id

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

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
BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 2.0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one kind of call may take, retries and pauses included."""

    within_s: float
    read_s: float
    connect_s: float = 2.0
    attempts: int = 3
    at_once: int = MAX_TEXTS
    """Texts of a call."""

    @property
    def config(self) -> Config:
        """One attempt a call: botocore's own retries would not see the circuit."""
        return Config(
            connect_timeout=self.connect_s, read_timeout=self.read_s, retries={"total_max_attempts": 1}
        )


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


class EndpointCalls:
    """Calls of one kind to one endpoint, over a circuit that all kinds share."""

    def __init__(self, endpoint_name: str, circuit: Circuit, patience: Patience) -> None:
        self._endpoint_name, self._circuit, self._patience = endpoint_name, circuit, patience
        self._client: SageMakerRuntimeClient | None = None

    def ask(
        self, *, attributes: Callable[[Call], str], until: float | None = None, **request: Any
    ) -> tuple[str, bytes]:
        """Custom attributes and body of the answer; tried again while a whole wait ends before `until`.

        Raises: EndpointUnavailableError, EndpointRefusedError, ModelRevisionGoneError.
        """
        until = time.monotonic() + self._patience.within_s if until is None else until
        for attempt in range(1, self._patience.attempts + 1):
            self._admit(until)
            answered = self._once(until, attributes=attributes, **request)
            if not isinstance(answered, Setback):
                return answered
            pause_s = answered.pause_s + backoff_s(attempt)
            left_s = until - time.monotonic() - pause_s
            if not answered.again or attempt == self._patience.attempts or left_s < self._patience.read_s:
                raise answered.error
            logger.info("the endpoint is asked again", attempt=attempt, pause_s=round(pause_s, 2))
            time.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Closes the connections that were opened."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _admit(self, until: float) -> None:
        now = time.monotonic()
        if until - now < self._patience.connect_s:
            raise EndpointUnavailableError("There was no time left to ask the model.")
        if wait_s := self._circuit.wait_s(now):
            raise EndpointUnavailableError(
                "The model did not answer several times in a row.", retry_after_s=math.ceil(wait_s)
            )

    def _once(
        self, until: float, *, attributes: Callable[[Call], str], **request: Any
    ) -> tuple[str, bytes] | Setback:
        """One attempt; the circuit learns how it went."""
        if self._client is None:  # a client costs cold-start time: made when first needed
            self._client = boto3.client("sagemaker-runtime", config=self._patience.config)
        left_s = min(self._patience.read_s, until - time.monotonic()) * 0.9
        call = traced(Call(deadline_ms=max(1, int(left_s * 1000))))
        try:
            answer = self._client.invoke_endpoint(
                EndpointName=self._endpoint_name, CustomAttributes=attributes(call), **request
            )
            body = answer["Body"].read()
        except (ClientError, BotoConnectionError, HTTPClientError, ResponseStreamingError) as error:
            setback = setback_of(error)
            if setback.broken:
                self._circuit.failed(time.monotonic(), silent=setback.silent)
            else:
                self._circuit.succeeded()
            return setback
        self._circuit.succeeded()
        return answer.get("CustomAttributes", ""), body


def traced(call: Call) -> Call:
    """Under our trace's id, where it is one that the endpoint takes: a caller may have brought it."""
    try:
        return Call(deadline_ms=call.deadline_ms, request_id=trace_id() or None)
    except ValidationError:
        return call


def backoff_s(attempt: int) -> float:
    """Full jitter. Source: AWS Architecture Blog, "Exponential Backoff And Jitter"."""
    return random.uniform(0, min(LONGEST_BACKOFF_S, BACKOFF_S * 2**attempt))  # noqa: S311 - no secret


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
    """What the container itself answered."""
    said = str(problem.get("detail") or f"the model answered {status}")
    if status in (408, 429) or status >= 500:
        pause_s = float(problem.get("retry_after_s") or 0)
        after_s = math.ceil(pause_s) or None
        error = EndpointUnavailableError(said, retry_after_s=after_s)
        return Setback(error, again=True, broken=status >= 500, pause_s=pause_s)
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
