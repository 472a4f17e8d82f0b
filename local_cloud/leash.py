"""Child processes that cannot outlive us, even when we are killed with SIGKILL."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

# The watcher blocks on a pipe whose other end only the parent holds. When the parent goes, in whatever way,
# the pipe closes and the watcher signals the child. `exec` keeps the child's own process id in Popen.pid.
_WATCHED = (
    "exec 3<&0 0</dev/null; "
    '(read -r _ <&3; kill -"$LEASH_SIGNAL" $$ 2>/dev/null) & '
    'unset LEASH_SIGNAL; exec "$@" 3<&-'
)


class Leashed:
    """A running child process with its own process group, stopped by stop() or by our own death."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str],
        cwd: Path | None = None,
        output: IO[bytes] | int | None = None,
        stop_signal: signal.Signals = signal.SIGTERM,
        user: int | None = None,
        group: int | None = None,
    ) -> None:
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", _WATCHED, "leash", *map(str, command)],
            env={**env, "LEASH_SIGNAL": stop_signal.name.removeprefix("SIG")},
            cwd=cwd,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT if output is not None else None,
            start_new_session=True,
            user=user,
            group=group,
            extra_groups=None if user is None else [],
        )

    @property
    def pid(self) -> int:
        """The child's own process id."""
        return self._process.pid

    @property
    def stdout(self) -> IO[bytes] | None:
        """The child's output, when it was asked for as a pipe."""
        return self._process.stdout

    def exit_code(self) -> int | None:
        """None while the child runs."""
        return self._process.poll()

    def wait(self, timeout_s: float) -> bool:
        """True when the child ended within the time."""
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def stop(self, *, patience_s: float = 10.0) -> None:
        """Ask the child to end, and after the given patience end it and its whole group."""
        if self._process.stdin is not None and not self._process.stdin.closed and self.exit_code() is None:
            self._process.stdin.close()
            self.wait(patience_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the child with everything in its process group, the watcher included."""
        # The group outlives its leader while the watcher lives, so the id cannot be someone else's.
        with contextlib.suppress(ProcessLookupError, PermissionError):  # EPERM: macOS, a group of zombies
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
