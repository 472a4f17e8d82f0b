"""The main module of a worker process: a Lambda runtime that ends when its stdin is closed.

awslambdaric waits for the next event in native code, where neither a signal handler nor a closed connection
ends it cleanly. A thread that waits for the end of stdin does: it runs the exit handlers (a test's coverage
is saved by one) and leaves, whether the parent asked for it or died.
"""

import atexit
import importlib.util
import os
import sys
import threading


def main() -> None:
    """Run the handler named by the first argument."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    if importlib.util.find_spec("awslambdaric"):
        from awslambdaric.__main__ import main as serve_native

        serve_native(sys.argv)
    else:  # no wheel for this platform
        from local_cloud.runtime_client import main as serve

        sys.exit(serve(sys.argv[1]))


def _end_with_parent() -> None:
    while os.read(0, 1024):
        continue
    atexit._run_exitfuncs()  # sys.exit() in a thread would not end the process
    os._exit(0)


if __name__ == "__main__":
    main()
