"""Writes what a container has to say into the store: its report, and its judgements."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress

from gpu_endpoint.lifecycle.objects import MissingError, Objects, StaleWriteError, StoreError
from gpu_endpoint.lifecycle.reports import CONTAINERS, Breach, ContainerReport

log = logging.getLogger("gpu_endpoint")


class Teller:
    """Writes only what is new, and the report again before it expires."""

    def __init__(self, objects: Objects, *, container: str, every_s: float) -> None:
        self._objects, self._container, self._every_s = objects, container, every_s
        self._key = f"{CONTAINERS}{container}.json"
        self._unsaid: dict[str, bytes] = {}
        self._said, self._said_at = b"", 0.0

    def breach(self, key: str, reason: str) -> None:
        """Notes a judgement; the next tell() writes it."""
        breach = Breach(container=self._container, reason=reason)
        self._unsaid[key] = breach.model_dump_json().encode()

    async def tell(self, report: ContainerReport) -> None:
        """What could not be written is tried again at the next call."""
        try:
            for key, body in list(self._unsaid.items()):
                with suppress(StaleWriteError):  # somebody else came to the same judgement first
                    await asyncio.to_thread(self._objects.replace, key, body, etag=None)
                del self._unsaid[key]
            body = report.model_dump_json().encode()
            if body != self._said or time.monotonic() - self._said_at > self._every_s:
                await asyncio.to_thread(self._objects.put, self._key, body)
                self._said, self._said_at = body, time.monotonic()
        except MissingError:
            log.debug("there is no model store yet")
        except StoreError as error:
            log.warning("the report could not be written", extra={"fields": {"reason": str(error)}})

    async def withdraw(self) -> None:
        """Takes the report away: this container no longer counts."""
        with suppress(StoreError):
            await asyncio.to_thread(self._objects.delete, self._key)
