"""The process: listens at once, loads in the background, and ends in order on SIGTERM."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Callable

import uvicorn
from fastapi import FastAPI

from gpu_endpoint.app import create_app
from gpu_endpoint.bundled import load_models
from gpu_endpoint.compiling import is_compiled
from gpu_endpoint.lifecycle.follower import Follower
from gpu_endpoint.lifecycle.management import loopback, mount_management
from gpu_endpoint.lifecycle.objects import open_objects
from gpu_endpoint.protocol import Connection
from gpu_endpoint.registry import Registry
from gpu_endpoint.settings import EndpointSettings

log = logging.getLogger("gpu_endpoint")
GRACE_S = 20  # SageMaker sends SIGKILL 30 s after SIGTERM
SWITCH_S = (
    0.0005  # a lane's thread that has a batch to run gets the interpreter after so long, not after 5 ms
)
# Objects that may be made before the collector looks for cycles: by itself it would look after 700, again and
# again while 32 requests are answered, and find only what is in use. Source: docs/decisions/0011.
GARBAGE_AFTER = 20_000


class JsonLines(logging.Formatter):
    """One JSON object a line: a constant message and its fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Fields come in `extra={"fields": {...}}`."""
        line = {"level": record.levelname, "message": record.getMessage()}
        line |= getattr(record, "fields", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_logging() -> None:
    """JSON lines on standard error; no access log, since bodies and addresses say nothing here."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(True)  # a decoder's of a damaged header, say


async def load(registry: Registry, follower: Follower | None) -> None:
    """Loads the models beside the running server; with a store, follows its desired state from then on."""
    began = time.perf_counter()
    if follower is not None:
        await follower.start()
    else:
        registry.serve(await asyncio.to_thread(load_models, registry.settings))
    names = {one.model.model_id: one.model.revision for one in registry.residents()}
    gc.collect()
    gc.freeze()  # what is loaded stays: looking through it again would hold up requests for many milliseconds
    fields = {
        "models": names,
        "took_s": round(time.perf_counter() - began, 2),
        "compiled": is_compiled(),
    }
    log.info("models ready", extra={"fields": fields})
    if follower is not None:
        await follower.run()


async def run(settings: EndpointSettings, listener: socket.socket) -> bool:
    """Serves until told to stop; False when the models could not be loaded."""
    registry = Registry(settings)
    app, follower = create_app(registry), None
    if settings.model_store:
        follower = Follower(registry, open_objects(settings.model_store), container=container_name())
        if loopback(listener.getsockname()[0]):
            mount_management(app, follower)
    server = uvicorn.Server(http_config(app))
    loading = asyncio.create_task(load(registry, follower))
    loaded = True

    def when_loaded(task: asyncio.Task[None]) -> None:
        nonlocal loaded
        if not task.cancelled() and task.exception() is not None:
            log.error("models could not be loaded", exc_info=task.exception())
            loaded, server.should_exit = False, True

    loading.add_done_callback(when_loaded)
    await server.serve(sockets=[listener])
    loading.cancel()
    if follower is not None:
        await follower.close()
    return loaded


def http_config(app: FastAPI) -> uvicorn.Config:
    """Nothing that every request would pay for and nobody reads."""
    return uvicorn.Config(
        app,
        http=Connection,
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=GRACE_S,
    )


def container_name() -> str:
    """Of this process, among all that follow one state."""
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:6]}"


def serve(settings: EndpointSettings, *, host: str, port: int) -> int:
    """Exit status: 0 after a requested stop, 1 when the models could not be loaded."""
    set_up_logging()
    with socket.create_server((host, port)) as listener:
        # Accepted connections inherit it. asyncio sets it only on sockets that name their protocol, and
        # without it each small answer waited 40 ms for the caller's delayed acknowledgement.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        address = "http://{}:{}".format(*listener.getsockname()[:2])
        print(json.dumps({"listening": address}), flush=True)
        # uvicorn raises the signal again once it has ended in order; for us that is a clean end.
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: None)
        sys.setswitchinterval(SWITCH_S)
        gc.set_threshold(GARBAGE_AFTER)
        with asyncio.Runner(loop_factory=event_loop()) as runner:
            return 0 if runner.run(run(settings, listener)) else 1


def event_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed; it is not made for Windows."""
    try:
        import uvloop
    except ImportError:
        return None
    make: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return make
