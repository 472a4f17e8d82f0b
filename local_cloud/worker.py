"""One execution environment: a process that runs one function, one call at a time."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from local_cloud.function import Function
from local_cloud.runtime_api import Answer, Invocation, RuntimeApi

INIT_TIMEOUT_S = 10.0  # AWS's init phase; time beyond it counts against the call's own time-out
LOG_LINES_KEPT = 400
_INHERITED = ("PATH", "LANG", "LC_ALL", "SSL_CERT_FILE")


class Worker:
    """A running process with its Runtime API; `invoke` is called by one thread at a time."""

    def __init__(
        self, function: Function, *, extra: Mapping[str, str], scratch: Path, log: Callable[[str], None]
    ) -> None:
        self.function = function
        self.stale = False
        self.out_of_memory = False
        self.peak_mb = 0
        self._log = log
        self._lines: deque[str] = deque(maxlen=LOG_LINES_KEPT)
        self._api = RuntimeApi()
        scratch.mkdir(parents=True, exist_ok=True)
        self._tmp = Path(tempfile.mkdtemp(prefix=f"{function.label}-", dir=scratch))
        self._process = subprocess.Popen(
            [sys.executable, "-m", "local_cloud.lambda_process", function.handler],
            env=self._environment(extra),
            cwd=function.task_dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._usage = psutil.Process(self._process.pid)
        self._pump = threading.Thread(target=self._pump_output, daemon=True)
        self._pump.start()

    @property
    def pid(self) -> int:
        """The worker's process id."""
        return self._process.pid

    def alive(self) -> bool:
        """True while the process runs."""
        return self._process.poll() is None

    def invoke(self, payload: bytes, *, request_id: str, trace_id: str) -> Answer:
        """Run one event; the worker is dead afterwards when the call timed out or the process ended."""
        self._lines.clear()
        timeout_s = self.function.timeout_s
        started = time.monotonic()
        if not self._api.ready.wait(INIT_TIMEOUT_S + timeout_s):
            return self._timed_out(request_id)
        if self._api.init_error is not None:
            self.kill()
            return Answer(self._api.init_error, failed=True)
        timeout_s -= max(0.0, time.monotonic() - started - INIT_TIMEOUT_S)
        self._api.send(
            Invocation(
                request_id=request_id,
                payload=payload,
                deadline_ms=int((time.time() + timeout_s) * 1000),
                trace_id=trace_id,
                function_arn=self.function.arn,
            )
        )
        return self._api.receive(timeout_s) or self._timed_out(request_id)

    def log_text(self) -> str:
        """What the function printed during its last call (the latest lines)."""
        return "".join(self._lines)

    def check_memory(self) -> None:
        """Kill the process when it holds more memory than the function was given."""
        try:
            used_mb = self._usage.memory_info().rss // 2**20
        except psutil.Error:
            return  # it ended between two looks
        self.peak_mb = max(self.peak_mb, used_mb)
        if used_mb > self.function.memory_mb:
            self.out_of_memory = True
            self._signal(signal.SIGKILL)

    def dismiss(self, *, patience_s: float) -> None:
        """Let an idle worker end by itself, so that its exit handlers run; then make sure."""
        self._close_stdin()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(patience_s)
        self.kill()

    def kill(self) -> None:
        """End the process at once and give back what it held."""
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._close_stdin()
        self._api.close()
        shutil.rmtree(self._tmp, ignore_errors=True)

    def _close_stdin(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def _timed_out(self, request_id: str) -> Answer:
        self.kill()
        message = f"RequestId: {request_id} Error: Task timed out after {self.function.timeout_s:.2f} seconds"
        return _failure("Sandbox.Timedout", message)

    def _pump_output(self) -> None:
        """Copy what the process prints; when it ends, answer for it."""
        stream = self._process.stdout
        if stream is None:
            return
        with stream:
            for raw in stream:
                line = raw.decode(errors="replace")
                self._lines.append(line)
                self._log(line)
        code = self._process.wait()
        how = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        request_id = self._api.current.request_id if self._api.current else "none"
        message = f"RequestId: {request_id} Error: Runtime exited with error: {how}"
        if not self._api.ready.is_set():
            self._api.fail_init(_failure("Runtime.ExitError", message).payload)
        self._api.answer(_failure("Runtime.ExitError", message))

    def _environment(self, extra: Mapping[str, str]) -> dict[str, str]:
        """The clean environment AWS gives, and nothing of ours but what `extra` lists.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
        """
        function = self.function
        kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        measured = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        path = os.pathsep.join(map(str, (function.task_dir, *function.layer_dirs)))
        return {
            **kept,
            **measured,
            **function.environment,
            **extra,
            "AWS_LAMBDA_RUNTIME_API": self._api.address,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": uuid.uuid4().hex,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
            "_HANDLER": function.handler,
            "LAMBDA_TASK_ROOT": str(function.task_dir),
            "PYTHONPATH": path,
            "PYTHONUNBUFFERED": "1",
            "HOME": str(self._tmp),
            "TMPDIR": str(self._tmp),
            "TZ": ":UTC",
        }


def _failure(kind: str, message: str) -> Answer:
    return Answer(json.dumps({"errorType": kind, "errorMessage": message}).encode(), failed=True)
