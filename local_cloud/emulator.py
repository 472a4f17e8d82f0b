"""The emulator's process: MiniStack with our seams, the HTTP API on a port of its own, reload on edit.

Started by the supervisor as `python -m local_cloud.emulator CONFIG.json`.
"""

import asyncio
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from local_cloud import alarms_seam, gateway_seam, lambda_seam, provisioners, states_seam, storage_seam
from local_cloud.checkpoint import Checkpoint
from local_cloud.emulator_config import EmulatorConfig
from local_cloud.executor import Executor
from local_cloud.front import Front
from local_cloud.logs import FunctionLogs
from local_cloud.reload import watch_sources
from local_cloud.seams import check_emulator, check_touched
from local_cloud.sources import Sources

CLOSING_S = 3.0


def main(config_path: Path) -> None:
    """Serve until SIGTERM."""
    config = EmulatorConfig.read(config_path)
    os.environ.update(config.environment())  # before ministack is imported: it reads them then
    check_emulator()
    check_touched()
    logs = FunctionLogs(Path(config.logs_dir))
    executor = Executor(scratch=Path(config.scratch_dir), logs=logs, max_workers=config.max_workers)
    sources = Sources(Path(config.sources_path), unpack_dir=Path(config.scratch_dir) / "packages")
    checkpoint, stop = Checkpoint(), threading.Event()
    _install_seams(config, executor=executor, sources=sources, checkpoint=checkpoint)
    shared_code = [Path(folder) for folder in config.shared_code_dirs]
    watcher = threading.Thread(target=watch_sources, args=(executor, shared_code, sources, stop), daemon=True)
    watcher.start()
    try:
        asyncio.run(_serve(config, executor=executor, checkpoint=checkpoint))
    finally:
        stop.set()
        logs.close()


def _install_seams(
    config: EmulatorConfig, *, executor: Executor, sources: Sources, checkpoint: Checkpoint
) -> None:
    lambda_seam.install(
        executor=executor,
        sources=sources,
        shared_code_dirs=config.shared_code_dirs,
        addresses=config.addresses,
        called=checkpoint.touch,
    )
    gateway_seam.install(timeout_s=config.api_timeout_s)
    states_seam.install()
    storage_seam.install()
    alarms_seam.install()
    provisioners.install()


async def _serve(config: EmulatorConfig, *, executor: Executor, checkpoint: Checkpoint) -> None:
    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    settings = Config()
    settings.bind = [f"127.0.0.1:{config.port}"]
    settings.keep_alive_timeout = 75
    settings.graceful_timeout = 1
    settings.accesslog = None
    settings.errorlog = "-"
    settings.loglevel = "WARNING"
    api = f"127.0.0.1:{config.api_port}"
    if config.iam:
        settings.certfile, settings.keyfile = config.certificate, config.certificate_key
        settings.insecure_bind = [api]
    else:
        settings.bind.append(api)
    asked, stop = asyncio.Event(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, asked.set)
    checkpoint.take_over()
    application: Any = Front(config, executor=executor, checkpoint=checkpoint)
    serving = asyncio.create_task(serve(application, settings, shutdown_trigger=stop.wait))
    await asyncio.wait((serving, asyncio.create_task(asked.wait())), return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(executor.close)  # before the server: workers hold connections to it
    await asyncio.to_thread(checkpoint.stop)
    # Everything is saved. A TLS client that does not close its end would hold us for half a minute.
    asyncio.get_running_loop().call_later(CLOSING_S, os._exit, 0)
    stop.set()
    await serving


if __name__ == "__main__":
    logging.captureWarnings(capture=True)
    main(Path(sys.argv[1]))
