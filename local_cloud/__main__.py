"""`python -m local_cloud up | down | hold SERVICE | release SERVICE`."""

import argparse
import errno
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

import psutil

from local_cloud.errors import LocalCloudError
from local_cloud.home import DEFAULT_API_PORT, Home, default_home
from local_cloud.services import running
from local_cloud.supervisor import LocalCloud, Options

STOP_TIMEOUT_S = 60.0
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
SERVICES = ("emulator", "endpoint", "postgres")


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit status 0, or 1 with a message that says what to do."""
    parser = argparse.ArgumentParser(prog="python -m local_cloud", description=__doc__)
    parser.add_argument("command", choices=("up", "down", "hold", "release"))
    parser.add_argument("service", nargs="?", choices=SERVICES, help="for hold and release")
    parser.add_argument("--home", type=Path, default=default_home(), help="where everything is kept")
    parser.add_argument(
        "--port",
        type=int,
        default=None,
        help=f"the HTTP API's port (default {DEFAULT_API_PORT}; 0: any free one)",
    )
    parser.add_argument("--any-port", action="store_true", help="any free one where that port is taken")
    parser.add_argument(
        "--iam", action="store_true", help="evaluate IAM policies, and serve the emulator over TLS"
    )
    options = parser.parse_args(arguments)
    home = Home(options.home.resolve())
    try:
        if options.command == "up":
            wanted = Options(
                home=home.path, api_port=options.port, any_port=options.any_port, iam=options.iam
            )
            return _up(wanted)
        if options.command == "down":
            return _down(home)
        return _hold(home, service=options.service, held=options.command == "hold")
    except LocalCloudError as error:
        print(f"error: {error}", file=sys.stderr)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        print(f"error: the disk of {home.path} is full: free some space and start again.", file=sys.stderr)
    return 1


def _up(options: Options) -> int:
    _keep_to_this_machine()
    for number in STOP_SIGNALS:
        signal.signal(number, _interrupt)
    cloud = LocalCloud(options, say=_say)
    with cloud.home.lock():
        try:
            cloud.start()
            cloud.watch()
        except KeyboardInterrupt:
            _say("stopping")
        finally:
            cloud.stop()
    _say("stopped; everything is kept for the next start")
    return 0


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    """Break off whatever is going on, once: what follows is the stop."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _keep_to_this_machine() -> None:
    """No account, profile or proxy of the person who starts us takes part."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    os.environ["AWS_CONFIG_FILE"] = os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = ",".join(filter(None, ["localhost,127.0.0.1", os.environ.get(name)]))


def _down(home: Home) -> int:
    facts = home.read_cloud()
    if facts is None or not running(facts["pid"]):
        print(f"no local cloud runs on {home.path}")
        return 0
    process = psutil.Process(facts["pid"])
    process.terminate()
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while running(process.pid):
        if time.monotonic() > deadline:
            process.kill()
            print("it did not stop in time and was killed; the next start takes over")
            break
        time.sleep(0.05)
    return 0


def _hold(home: Home, *, service: str | None, held: bool) -> int:
    """Keep a service down (after it ends), or let it start again: to see what the rest does without it."""
    if service is None:
        raise LocalCloudError("name a service: " + ", ".join(SERVICES))
    path = home.hold_path(service)
    if not held:
        path.unlink(missing_ok=True)
        return 0
    facts = home.read_cloud()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    if facts and (pid := facts["pids"].get(service)) and running(pid):
        os.kill(pid, signal.SIGKILL)
    return 0


def _say(line: str) -> None:
    print(line, flush=True)


if __name__ == "__main__":
    sys.exit(main())
