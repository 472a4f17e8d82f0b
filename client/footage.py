"""The demo's video: somebody's own, or a drive rendered beside everything else that has to start."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from client.errors import ClientError


class FootageError(ClientError):
    """The demo's own footage could not be rendered."""

    code = "footage-failed"


class Footage:
    """A video file that is there, or will be once its renderer is done."""

    def __init__(self, target: Path, renderer: "subprocess.Popen[str] | None" = None) -> None:
        self._target, self._renderer = target, renderer

    def path(self) -> Path:
        """Wait for the file. Raises: FootageError."""
        if self._renderer is None:
            return self._target
        said, _ = self._renderer.communicate()
        if self._renderer.returncode != 0:
            raise FootageError(f"The demo's footage could not be rendered:\n{said[-2000:]}")
        # The timeline first: once the video is there, all is there.
        for file in sorted(
            unfinished(self._target).parent.iterdir(), key=lambda file: file.name == self._target.name
        ):
            file.replace(self._target.with_name(file.name))
        self._renderer = None
        return self._target


def unfinished(target: Path) -> Path:
    """Rendered to here first, so that a killed renderer leaves no half video behind."""
    return target.parent / "unfinished" / target.name


@contextmanager
def footage_of(video: Path | None, folder: Path) -> Iterator[Footage]:
    """The given video, or the rendered drive kept in this folder; its renderer ends with us."""
    target = folder / "drive.webm"
    if video is not None or target.exists():
        yield Footage(video or target)
        return
    unfinished(target).parent.mkdir(parents=True, exist_ok=True)
    renderer = subprocess.Popen(
        [sys.executable, "-m", "gpu_endpoint.training.drive", str(unfinished(target))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield Footage(target, renderer)
    finally:
        if renderer.poll() is None:
            renderer.kill()
        renderer.wait()
        if renderer.stdout:
            renderer.stdout.close()
