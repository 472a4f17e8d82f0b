"""`sightline demo`, as `make demo` starts it: from nothing, again, on own footage, on none, interrupted."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from PIL import Image

from local_cloud.ports import free_port
from tests.conftest import REPOSITORY, SHARED_DATA
from tests.running_cloud import wait_until

pytestmark = pytest.mark.local
OWN_FOOTAGE = SHARED_DATA / "driving" / "videos" / "tmo324_seattlestreet2.mp4"


class Demo:
    """The demo in a home folder and on a port of its own."""

    def __init__(self, home: Path, folder: Path) -> None:
        self.home, self.folder, self.port = home, folder, free_port()

    def start(self, *options: str) -> subprocess.Popen[str]:
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SIGHTLINE_"))
        }
        return subprocess.Popen(
            [sys.executable, "-m", "client", "demo", "--port", str(self.port), *options],
            cwd=self.folder,
            env={**kept, "SIGHTLINE_HOME": str(self.home), "PYTHONPATH": str(REPOSITORY)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *options: str) -> tuple[int, str, str]:
        process = self.start(*options)
        out, err = process.communicate(timeout=280)
        return process.returncode, out, err

    def left_running(self) -> list[str]:
        """Processes that still work on the home folder."""
        found = []
        for process in psutil.process_iter(["cmdline", "cwd"]):
            words = " ".join(process.info["cmdline"] or [])
            if str(self.home) in words or str(self.home) in (process.info["cwd"] or ""):
                found.append(words)
        return found


@pytest.fixture(scope="module")
def demo(models_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("demo")
    home = folder / "home"
    home.mkdir()
    (models_home / "models").mkdir(exist_ok=True)
    (home / "models").symlink_to(models_home / "models")  # built once for all tiers
    return Demo(home, folder)


@pytest.fixture(scope="module")
def first(demo: Demo) -> tuple[int, str, str]:
    """The first run, from nothing."""
    return demo.run()


def test_it_says_that_its_footage_is_rendered_before_anything_else(first: tuple[int, str, str]) -> None:
    _, _, err = first
    assert "rendered" in err.splitlines()[0]
    assert "make demo VIDEO=" in err.splitlines()[1]


def test_it_indexes_and_answers_four_questions_with_ranked_moments(
    first: tuple[int, str, str], demo: Demo
) -> None:
    code, out, err = first
    assert code == 0, err
    assert "100%" in err
    answers = [part.splitlines() for part in out.strip().split("\n\n")]
    assert len(answers) == 4
    for question, header, best, *_ in answers:
        assert len(question.split()) >= 4
        assert header.split() == ["#", "video", "when", "relevance"]
        assert best.split()[:2] == ["1", "drive.webm"]
    with Image.open(demo.folder / "demo.png") as picture:
        assert picture.width > 600
        assert len(picture.getcolors(1 << 24) or []) > 1000


def test_the_best_moments_are_the_right_ones(first: tuple[int, str, str], demo: Demo) -> None:
    _, out, _ = first
    timeline = json.loads((demo.home / "demo" / "drive.json").read_text())
    wanted = {
        "a pedestrian crossing the street at night in the rain": "a pedestrian crosses at night in the rain",
        "a truck ahead on the highway": "a truck ahead on the highway by day",
    }
    for question, title in wanted.items():
        [episode] = [one for one in timeline["episodes"] if one["title"] == title]
        lines = out.split(question)[1].splitlines()
        start_s, end_s = (seconds(text) for text in (lines[2].split()[2], lines[2].split()[4]))
        assert start_s < episode["end_s"], question
        assert end_s > episode["start_s"], question


def seconds(clock: str) -> int:
    minutes, second = clock.split(":")
    return int(minutes) * 60 + int(second)


def test_it_stops_all_that_it_started(first: tuple[int, str, str], demo: Demo) -> None:
    assert demo.left_running() == []
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{demo.port}/health")


def test_a_second_run_uploads_nothing_again(first: tuple[int, str, str], demo: Demo) -> None:
    code, out, err = demo.run("--query", "a bus in the snow", "--json", "--picture", "second.png")

    assert code == 0, err
    assert "indexed already" in err
    answer: dict[str, Any] = json.loads(out)
    assert [question["text"] for question in answer["questions"]] == ["a bus in the snow"]
    assert answer["picture"] == str(demo.folder / "second.png")
    assert demo.left_running() == []


def test_own_footage_is_asked_its_own_question(demo: Demo) -> None:
    if not OWN_FOOTAGE.exists():
        pytest.skip(f"real footage is not here: {OWN_FOOTAGE}")
    code, out, err = demo.run("--video", str(OWN_FOOTAGE), "--query", "overhead direction signs")

    assert code == 0, err
    assert "rendered" not in err
    assert out.count(OWN_FOOTAGE.name) >= 1


def test_what_is_no_video_ends_with_the_reason_and_where_the_logs_are(demo: Demo) -> None:
    (demo.folder / "notes.mp4").write_text("these are notes, and no video\n" * 1000)

    code, out, err = demo.run("--video", str(demo.folder / "notes.mp4"))

    assert (code, out) == (6, "")
    assert "error notes.mp4: " in err
    assert f"Logs: {demo.home / 'logs'}" in err
    assert demo.left_running() == []


@pytest.mark.parametrize(
    ("number", "code", "sign"),
    [(signal.SIGTERM, 143, "logs/local_cloud.log"), (signal.SIGINT, 130, "pids.json")],
)
def test_interrupted_it_still_stops_what_it_started(
    demo: Demo, number: signal.Signals, code: int, sign: str
) -> None:
    (demo.home / sign).unlink(missing_ok=True)
    process = demo.start()

    def under_way() -> bool | None:
        assert process.poll() is None, process.communicate()
        return (demo.home / sign).exists() or None

    wait_until(under_way, timeout_s=120, what=f"{sign} to be written")
    process.send_signal(number)
    _, err = process.communicate(timeout=90)

    assert process.returncode == code, err
    assert demo.left_running() == []
