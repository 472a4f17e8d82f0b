"""What stands before the emulator: the HTTP API on its own port, and a few questions of the supervisor's."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from local_cloud.checkpoint import Checkpoint, passed_on
from local_cloud.emulator_config import EmulatorConfig
from local_cloud.executor import Executor

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
CONTROL = "/_sightline/"


class Front:
    """An ASGI application around the emulator's own."""

    def __init__(self, config: EmulatorConfig, *, executor: Executor, checkpoint: Checkpoint) -> None:
        from ministack.app import app

        self._emulator = app
        self._config = config
        self._executor = executor
        self._checkpoint = checkpoint

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send each request where its port and path say."""
        if scope["type"] == "http" and scope["path"].startswith(CONTROL):
            await self._control(scope["path"].removeprefix(CONTROL), send)
            return
        if scope["type"] == "lifespan":
            await self._emulator(scope, receive, self._beginning(send))
            return
        if scope["type"] == "http" and scope["server"][1] == self._config.api_port:
            with passed_on():
                await self._emulator(self._as_api_request(scope), receive, send)
            return
        self._checkpoint.touch()
        await self._emulator(scope, receive, send)
        self._checkpoint.touch()

    def _beginning(self, send: Send) -> Send:
        """Lets state be saved once the emulator is up: before that it has not read what is stored."""

        async def passed_on(message: dict[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                self._checkpoint.start()
            await send(message)

        return passed_on

    def _as_api_request(self, scope: Scope) -> Scope:
        """The same request, addressed to the one HTTP API by path.

        By host name the emulator would keep some paths for itself, /health among them.
        """
        from ministack.services import apigateway

        api_id = next((key[-1] for key in apigateway._apis._data), "none")
        prefix = f"/_aws/execute-api/{api_id}/$default"
        raw_path = prefix.encode() + scope.get("raw_path", scope["path"].encode())
        return {**scope, "path": prefix + scope["path"], "raw_path": raw_path}

    async def _control(self, question: str, send: Send) -> None:
        if question == "checkpoint":
            await asyncio.to_thread(self._checkpoint.save)
            await _json(send, 200, {})
        elif question == "workers":
            await _json(send, 200, self._executor.worker_pids())
        else:
            await _json(send, 404, {"message": "Not Found"})


async def _json(send: Send, status: int, content: object) -> None:
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(content).encode()})
