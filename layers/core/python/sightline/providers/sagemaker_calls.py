"""InvokeEndpoint with time-outs, retries and a circuit breaker.

Every task of the endpoint is a pure function of its input, so a call may be repeated. One that was refused
for good, or that used up its time, is not.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from pydantic import ValidationError

from sightline.contracts.inference import MAX_TEXTS, Call
from sightline.errors import EndpointUnavailableError
from sightline.providers.circuit import Circuit
from sightline.providers.sagemaker_setbacks import FAILURES, Setback, setback_of
from sightline.telemetry import logger, trace_id

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

BACKOFF_S, LONGEST_BACKOFF_S = 0.1, 2.0
WAITS = 8
"""Lengths of a wait: a client has one for all its calls, and keeps its connections."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one kind of call may take, retries and pauses included."""

    within_s: float
    read_s: float
    connect_s: float = 2.0
    attempts: int = 3
    at_once: int = MAX_TEXTS
    """Texts of a call."""

    def wait_s(self, left_s: float) -> float:
        """How long an answer is waited for, where this much time is left; 0 where it is not worth a call."""
        eighths = math.floor((left_s - self.connect_s) / self.read_s * WAITS)
        return self.read_s * max(0, min(eighths, WAITS)) / WAITS

    def config(self, wait_s: float) -> Config:
        """One attempt a call: botocore's own retries would not see the circuit."""
        return Config(connect_timeout=self.connect_s, read_timeout=wait_s, retries={"total_max_attempts": 1})


class EndpointCalls:
    """Calls of one kind to one endpoint, over a circuit that all kinds share."""

    def __init__(self, endpoint_name: str, circuit: Circuit, patience: Patience) -> None:
        self._endpoint_name, self._circuit, self._patience = endpoint_name, circuit, patience
        self._clients: dict[float, SageMakerRuntimeClient] = {}

    def ask(
        self, *, attributes: Callable[[Call], str], until: float | None = None, **request: Any
    ) -> tuple[str, bytes]:
        """Custom attributes and body of the answer; tried again while a whole wait ends before `until`.

        Raises: EndpointUnavailableError, EndpointRefusedError, ModelRevisionGoneError.
        """
        until = time.monotonic() + self._patience.within_s if until is None else until
        for attempt in range(1, self._patience.attempts + 1):
            began, wait_s = self._admit(until)
            answered = self._once(began, wait_s, attributes=attributes, **request)
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
        while self._clients:
            self._clients.popitem()[1].close()

    def _admit(self, until: float) -> tuple[float, float]:
        """Now, and how long this attempt may wait. Raises: EndpointUnavailableError."""
        now = time.monotonic()
        wait_s = self._patience.wait_s(until - now)
        if not wait_s:
            raise EndpointUnavailableError("There was no time left to ask the model.")
        if closed_s := self._circuit.wait_s(now):
            raise EndpointUnavailableError(
                "The model did not answer several times in a row.", retry_after_s=math.ceil(closed_s)
            )
        return now, wait_s

    def _once(
        self, began: float, wait_s: float, *, attributes: Callable[[Call], str], **request: Any
    ) -> tuple[str, bytes] | Setback:
        """One attempt; the circuit learns how it went, however it went: it may have been its probe."""
        try:
            answered = self._call(wait_s, attributes=attributes, **request)
        except FAILURES as error:
            setback = setback_of(error)
            if setback.broken:
                self._circuit.failed(time.monotonic(), began=began, silent=setback.silent)
            else:
                self._circuit.succeeded()
            return setback
        except BaseException:
            self._circuit.failed(time.monotonic(), began=began)
            raise
        self._circuit.succeeded()
        return answered

    def _call(self, wait_s: float, *, attributes: Callable[[Call], str], **request: Any) -> tuple[str, bytes]:
        """Tells the endpoint a deadline that it can still answer to."""
        call = traced(Call(deadline_ms=max(1, int(wait_s * 0.9 * 1000))))
        answer = self._client(wait_s).invoke_endpoint(
            EndpointName=self._endpoint_name, CustomAttributes=attributes(call), **request
        )
        return answer.get("CustomAttributes", ""), answer["Body"].read()

    def _client(self, wait_s: float) -> SageMakerRuntimeClient:
        """The first costs cold-start time, so it is made when needed; each after it 2 ms."""
        if wait_s not in self._clients:
            self._clients[wait_s] = boto3.client("sagemaker-runtime", config=self._patience.config(wait_s))
        return self._clients[wait_s]


def traced(call: Call) -> Call:
    """Under our trace's id, where it is one that the endpoint takes: a caller may have brought it."""
    try:
        return Call(deadline_ms=call.deadline_ms, request_id=trace_id() or None)
    except ValidationError:
        return call


def backoff_s(attempt: int) -> float:
    """Full jitter. Source: AWS Architecture Blog, "Exponential Backoff And Jitter"."""
    return random.uniform(0, min(LONGEST_BACKOFF_S, BACKOFF_S * 2**attempt))  # noqa: S311 - no secret
