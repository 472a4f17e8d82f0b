"""Runs calls in worker processes: starts, keeps warm, bounds and, when code changes, replaces them."""

import json
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local_cloud.function import Function, Outcome
from local_cloud.logs import FunctionLogs
from local_cloud.worker import Worker

PAYLOAD_LIMIT_BYTES = 6_291_556  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
IDLE_S = 600.0
MEMORY_CHECK_S = 0.05


class Executor:
    """At most `max_workers` processes per function; a call beyond that waits for a free one."""

    def __init__(
        self,
        *,
        scratch: Path,
        logs: FunctionLogs,
        max_workers: int,
    ) -> None:
        self._scratch = scratch
        self._logs = logs
        self._max_workers = max_workers
        self._lock = threading.Lock()
        self._idle: dict[str, list[tuple[float, Worker]]] = {}
        self._busy: set[Worker] = set()
        self._slots: dict[str, threading.BoundedSemaphore] = {}
        self._closing = threading.Event()
        self._housekeeper = threading.Thread(target=self._keep_house, daemon=True)
        self._housekeeper.start()

    def invoke(
        self, function: Function, payload: bytes, *, added: Mapping[str, str], request_id: str
    ) -> Outcome:
        """Run one event and return what AWS would; `added` are the local environment variables."""
        if len(payload) > PAYLOAD_LIMIT_BYTES:
            return _too_large("RequestEntityTooLargeException", f"{len(payload)} byte payload is too large")
        with self._slot(function):
            worker = self._take(function, added)
            self._logs.write(function.label, f"START RequestId: {request_id} Version: $LATEST\n")
            started = time.monotonic()
            answer = worker.invoke(payload, request_id=request_id, trace_id=_trace_id())
            duration_ms = (time.monotonic() - started) * 1000
            log = worker.log_text()
            self._logs.write(function.label, _report(worker, request_id, duration_ms))
            self._give_back(worker)
        if not answer.failed and len(answer.payload) > PAYLOAD_LIMIT_BYTES:
            return _too_large(
                "Function.ResponseSizeTooLarge",
                "Response payload size exceeded maximum allowed payload size (6291556 bytes).",
            )
        return Outcome(answer.payload, "Unhandled" if answer.failed else None, log)

    def reload(self, changed: Iterable[Path]) -> list[str]:
        """Retire the workers whose code lies in a changed file's folder; the labels of those functions."""
        paths = list(changed)
        with self._lock:
            workers = [worker for pool in self._idle.values() for _, worker in pool] + list(self._busy)
            hit = [worker for worker in workers if _runs_any(worker.function, paths)]
            for worker in hit:
                worker.stale = True
            dropped = self._pop_idle(lambda worker, _since: worker.stale)
        for worker in dropped:
            worker.dismiss(patience_s=0.2)
        return sorted({worker.function.label for worker in hit})

    def worker_pids(self) -> dict[str, list[int]]:
        """Process ids of the living workers, by function label."""
        with self._lock:
            workers = [worker for pool in self._idle.values() for _, worker in pool] + list(self._busy)
        pids: dict[str, list[int]] = {}
        for worker in workers:
            pids.setdefault(worker.function.label, []).append(worker.pid)
        return pids

    def close(self) -> None:
        """End all workers, the idle ones gently."""
        self._closing.set()
        with self._lock:
            idle, busy = self._pop_idle(lambda _worker, _since: True), list(self._busy)
        for worker in busy:
            worker.kill()
        if idle:
            with ThreadPoolExecutor(len(idle)) as pool:
                list(pool.map(lambda worker: worker.dismiss(patience_s=3.0), idle))

    def _slot(self, function: Function) -> threading.BoundedSemaphore:
        with self._lock:
            return self._slots.setdefault(function.arn, threading.BoundedSemaphore(self._max_workers))

    def _take(self, function: Function, added: Mapping[str, str]) -> Worker:
        with self._lock:
            pool = self._idle.get(function.worker_key, [])
            while pool:
                _, worker = pool.pop()
                if worker.alive():
                    self._busy.add(worker)
                    return worker
        worker = Worker(
            function,
            extra=added,
            scratch=self._scratch,
            log=lambda line: self._logs.write(function.label, line),
        )
        with self._lock:
            self._busy.add(worker)
        return worker

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            self._busy.discard(worker)
            keep = worker.alive() and not worker.stale and not self._closing.is_set()
            if keep:
                self._idle.setdefault(worker.function.worker_key, []).append((time.monotonic(), worker))
        if not keep:
            worker.dismiss(patience_s=1.0)

    def _pop_idle(self, unwanted: Callable[[Worker, float], bool]) -> list[Worker]:
        """Remove and return idle workers; the caller holds the lock."""
        popped = []
        for key, pool in self._idle.items():
            popped += [worker for since, worker in pool if unwanted(worker, since)]
            self._idle[key] = [(since, worker) for since, worker in pool if not unwanted(worker, since)]
        return popped

    def _keep_house(self) -> None:
        """Enforce memory limits on the busy, and end those that were idle for long or died in their sleep."""
        while not self._closing.wait(MEMORY_CHECK_S):
            with self._lock:
                busy = list(self._busy)
                gone = self._pop_idle(_has_gone)
            for worker in busy:
                worker.check_memory()
            for worker in gone:
                worker.dismiss(patience_s=1.0)


def _has_gone(worker: Worker, idle_since: float) -> bool:
    return idle_since < time.monotonic() - IDLE_S or not worker.alive()


def _runs_any(function: Function, paths: list[Path]) -> bool:
    folders = (function.task_dir, *function.layer_dirs)
    return any(path.is_relative_to(folder) for path in paths for folder in folders)


def _trace_id() -> str:
    return f"Root=1-{int(time.time()):08x}-{uuid.uuid4().hex[:24]};Sampled=0"


def _report(worker: Worker, request_id: str, duration_ms: float) -> str:
    function = worker.function
    why = "\tStatus: error\tError Type: Runtime.OutOfMemory" if worker.out_of_memory else ""
    size = f"Memory Size: {function.memory_mb} MB\tMax Memory Used: {worker.peak_mb} MB"
    end = f"END RequestId: {request_id}\n"
    return f"{end}REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t{size}{why}\n"


def _too_large(kind: str, message: str) -> Outcome:
    # statusCode and body: what the emulated API Gateway answers with, as the real one does.
    status, text = (413, "Request Entity Too Large") if kind.startswith("Request") else (502, "Bad Gateway")
    error = {"errorType": kind, "errorMessage": message}
    answer = {"statusCode": status, "body": json.dumps({"message": text})}
    return Outcome(json.dumps(error | answer).encode(), "Unhandled", "")
