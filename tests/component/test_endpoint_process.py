"""The endpoint as a process: overload, callers that hang up, orderly ends, and models it refuses to serve."""

import io
import json
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import httpx
import pytest
from PIL import Image

from gpu_endpoint.models.config import CONFIGS
from sightline.contracts.inference import ATTRIBUTES_HEADER, JPEG, NPY, Call, Problem
from tests.endpoint_process import REPOSITORY, running_endpoint
from tests.pictures import frame, sheet

pytestmark = pytest.mark.component

BODY, LAYOUT = sheet([frame(seed % 8) for seed in range(64)])
PATIENT = LAYOUT.to_attributes(call=Call(deadline_ms=30_000))
SHEET = {"content-type": JPEG, "accept": NPY, ATTRIBUTES_HEADER: PATIENT}


def embed_sheet(url: str) -> httpx.Response:
    return httpx.post(f"{url}/invocations", content=BODY, headers=SHEET, timeout=60)


def test_overload_is_answered_at_once_and_passes(models_home: Path) -> None:
    limits = {"SIGHTLINE_ENDPOINT_MAX_QUEUED": 128, "SIGHTLINE_ENDPOINT_MAX_REQUESTS": 6}
    with running_endpoint(models_home, **limits) as endpoint:
        with ThreadPoolExecutor(24) as callers:
            answers = list(callers.map(lambda _: embed_sheet(endpoint.url), range(24)))
        statuses = Counter(answer.status_code for answer in answers)
        assert set(statuses) == {200, 429}, statuses
        for answer in answers:
            if answer.status_code == 429:
                assert int(answer.headers["retry-after"]) >= 1
                assert Problem.model_validate_json(answer.content).retryable
        assert embed_sheet(endpoint.url).status_code == 200


def test_a_question_does_not_wait_behind_sheets(models_home: Path) -> None:
    with running_endpoint(models_home) as endpoint, ThreadPoolExecutor(12) as callers:
        sheets = [callers.submit(embed_sheet, endpoint.url) for _ in range(12)]
        next(as_completed(sheets))
        asked = httpx.post(f"{endpoint.url}/invocations", json={"texts": ["a van"]}, timeout=30)
        waiting = sum(not one.done() for one in sheets)
        assert asked.status_code == 200
        assert waiting > 0
        assert all(one.result().status_code == 200 for one in sheets)


def test_a_late_request_is_told_so(models_home: Path) -> None:
    with running_endpoint(models_home, SIGHTLINE_ENDPOINT_DEADLINE_S=0.000001) as endpoint:
        answer = embed_sheet(endpoint.url)
        assert (answer.status_code, answer.json()["code"]) == (503, "deadline-passed")
        assert answer.headers["retry-after"]


def begin(url: str) -> socket.socket:
    """A request for a sheet, up to where the endpoint has asked for the body."""
    host, port = url.removeprefix("http://").split(":")
    lines = [f"POST /invocations HTTP/1.1\r\nhost: {host}\r\nexpect: 100-continue"]
    lines += [f"{name}: {value}" for name, value in (SHEET | {"content-length": str(len(BODY))}).items()]
    caller = socket.create_connection((host, int(port)), timeout=60)
    caller.sendall("\r\n".join([*lines, "", ""]).encode())
    assert caller.recv(1024).startswith(b"HTTP/1.1 100")
    return caller


def test_a_caller_that_hangs_up_frees_its_place(models_home: Path) -> None:
    with running_endpoint(models_home, SIGHTLINE_ENDPOINT_MAX_REQUESTS=1) as endpoint:
        with begin(endpoint.url) as caller:
            assert embed_sheet(endpoint.url).status_code == 429
            caller.sendall(BODY)
        deadline = time.monotonic() + 20
        while (answer := embed_sheet(endpoint.url)).status_code == 429 and time.monotonic() < deadline:
            pass
        assert answer.status_code == 200


@pytest.mark.parametrize("name", [signal.SIGTERM, signal.SIGINT])
def test_a_requested_end_finishes_what_was_begun(models_home: Path, name: signal.Signals) -> None:
    with running_endpoint(models_home) as endpoint, begin(endpoint.url) as caller:
        endpoint.process.send_signal(name)
        caller.sendall(BODY)
        assert caller.recv(1024).startswith(b"HTTP/1.1 200")
        assert endpoint.process.wait(timeout=30) == 0
        with pytest.raises(httpx.ConnectError):
            embed_sheet(endpoint.url)


def test_every_line_of_the_log_is_json_whatever_a_picture_makes_a_decoder_say(models_home: Path) -> None:
    exif, picture = Image.Exif(), io.BytesIO()
    exif[0x010E] = "a description that the file ends amid"
    Image.new("RGB", (64, 64)).save(picture, "JPEG", exif=exif.tobytes()[:30])
    headers = {"content-type": JPEG, ATTRIBUTES_HEADER: "task=embed_image"}
    with running_endpoint(models_home) as endpoint:
        answer = httpx.post(f"{endpoint.url}/invocations", content=picture.getvalue(), headers=headers)
        assert answer.status_code == 200
        endpoint.stop()
        lines = [json.loads(line) for line in endpoint.log.read_text().splitlines()]
    assert "WARNING" in {line["level"] for line in lines}, "it did say something"


def serve(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A serve command that is expected to end by itself."""
    command = [sys.executable, "-m", "gpu_endpoint", "serve", "--port", "0", "--home", str(home)]
    return subprocess.run(
        command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, timeout=60, check=False
    )


def test_an_unknown_model_is_named(models_home: Path) -> None:
    ended = serve(models_home, SIGHTLINE_IMAGE_MODEL="no-such-model")
    assert ended.returncode == 1
    assert "no-such-model" in ended.stderr
    assert "scenes-rn-128e" in ended.stderr


def test_altered_weights_are_refused_by_name(models_home: Path, tmp_path: Path) -> None:
    shutil.copytree(CONFIGS.parent / "weights", tmp_path / "weights")
    shutil.copytree(CONFIGS, tmp_path / "configs")
    config = json.loads((CONFIGS / "scenes-rn-128e.json").read_text())
    weights = tmp_path / "configs" / config["files"]["image"]["path"]
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    ended = serve(models_home, SIGHTLINE_MODEL_CONFIGS=str(tmp_path / "configs"))
    assert ended.returncode == 1
    assert "was altered" in ended.stderr
    assert weights.name in ended.stderr


def test_a_taken_port_is_said_plainly(models_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        command = [sys.executable, "-m", "gpu_endpoint", "serve", "--port", port]
        ended = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False
        )
    assert (ended.returncode, f"port {port}" in ended.stderr) == (1, True)
