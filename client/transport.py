"""One request: signed, repeated where that is safe, and answered with a value or an exception."""

import random
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from client.errors import ApiError, NotSignedInError, UnreachableError, api_error

# API Gateway ends a call at 30 s; a little longer lets its own answer arrive.
TIMEOUT_S = 35.0
MOST_TRIES = 5
LONGEST_WAIT_S = 60.0


@dataclass(frozen=True, slots=True)
class Retry:
    """How often a call is made, and how long is waited in between."""

    tries: int = MOST_TRIES
    sleep: Callable[[float], None] = time.sleep

    def wait(self, attempt: int, retry_after_s: float | None) -> None:
        """As long as the server asked for; otherwise full jitter on a doubling wait.

        Source: AWS Architecture Blog, "Exponential backoff and jitter".
        """
        doubled_s = min(LONGEST_WAIT_S, 0.5 * 2**attempt)
        asked_s = None if retry_after_s is None else min(retry_after_s, LONGEST_WAIT_S)
        self.sleep(random.uniform(0, doubled_s) if asked_s is None else asked_s)  # noqa: S311


class Transport:
    """Calls to one API address."""

    def __init__(
        self,
        api_url: str,
        *,
        http: httpx.Client,
        token: Callable[[], str | None],
        renew: Callable[[], str | None],
        workspace_id: Callable[[], str | None],
        retry: Retry,
    ) -> None:
        self.api_url = api_url.rstrip("/")
        self._http = http
        self._token = token
        self._renew = renew
        self._workspace_id = workspace_id
        self._retry = retry

    def call(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, Any] | None = None,
        signed: bool = True,
        in_workspace: bool = True,
        creates: bool = False,
    ) -> Any:
        """The JSON of the answer, None where there is none.

        Raises: ApiError, NotSignedInError, UnreachableError.
        """
        headers = {"Idempotency-Key": str(uuid.uuid4())} if creates else {}
        token = self._sign(headers, in_workspace=in_workspace) if signed else None
        request = {"json": json, "params": params, "headers": headers}
        response = self._until_answered(method, path, **request)
        if response.status_code == 401 and token and (renewed := self._renew()):
            headers["Authorization"] = f"Bearer {renewed}"
            response = self._until_answered(method, path, **request)
        if response.is_error:
            raise api_error(response)
        return response.json() if response.content else None

    def pages(self, path: str, params: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """The items of every page of a list."""
        wanted = {name: value for name, value in params.items() if value is not None}
        while True:
            answer = self.call("GET", path, params=wanted)
            yield from answer["items"]
            if not answer.get("next_cursor"):
                return
            wanted["cursor"] = answer["next_cursor"]

    def _sign(self, headers: dict[str, str], *, in_workspace: bool) -> str:
        token = self._token()
        if not token:
            raise NotSignedInError(f"Not signed in to {self.api_url}. Run: sightline login EMAIL")
        headers["Authorization"] = f"Bearer {token}"
        if in_workspace and (workspace_id := self._workspace_id()):
            headers["X-Workspace-Id"] = workspace_id
        return token

    def _until_answered(self, method: str, path: str, **request: Any) -> httpx.Response:
        """Repeat what is busy or down; every POST that creates carries a key that makes repeating safe."""
        attempt = 0
        while True:
            left = self._retry.tries - attempt - 1
            try:
                response = self._http.request(method, self.api_url + path, timeout=TIMEOUT_S, **request)
            except (httpx.TransportError, httpx.InvalidURL) as error:
                if not left or attempt >= _quick_tries(error):
                    raise UnreachableError(f"{self.api_url} does not answer ({error}).") from error
                retry_after_s = None
            else:
                problem = api_error(response) if response.is_error else None
                if not left or problem is None or not worth_repeating(problem):
                    return response
                retry_after_s = problem.retry_after_s
            self._retry.wait(attempt, retry_after_s)
            attempt += 1


def _quick_tries(error: Exception) -> int:
    """How often a connection is tried again: a refused one is seldom a passing fault, and a person waits."""
    if isinstance(error, (httpx.UnsupportedProtocol, httpx.InvalidURL)):
        return 0
    return 2 if isinstance(error, httpx.ConnectError) else MOST_TRIES


def worth_repeating(problem: ApiError) -> bool:
    """Busy, down, or said to be worth it; a 500 is a fault of ours that a repeat would hide."""
    return problem.status in (429, 502, 503, 504) or (problem.retryable and problem.status != 500)
