"""Starts one server of the comparison, waits until it answers, and ends it with all its children."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

import gpu_endpoint
from benchmarks.endpoint.ours import CONFIG
from benchmarks.report import BUILD
from gpu_endpoint.models.config import CONFIGS
from gpu_endpoint.models.minilm import load_sentence_encoder, packaged_model
from sightline.contracts.inference import ATTRIBUTES_HEADER, Call

ROOT = Path(__file__).parent.parent.parent
HOME = BUILD / "endpoint"
COMPILED = HOME / "compiled"
OURS = ("ours", "compiled")
READY_S = 60.0
TEXT = "pedestrian crossing at night in the rain"
PATIENT = Call(deadline_ms=30_000).to_attributes()
MODEL_IDS = {"gpu": "gpu-like", "minilm": "all-minilm-l6-v2"}


@dataclass(frozen=True)
class Asked:
    """How this server wants one text, or several."""

    path: str
    body: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Running:
    """A server that answers."""

    port: int
    process: subprocess.Popen[bytes]

    def memory_mb(self) -> float:
        """Resident, with all children."""
        whole = psutil.Process(self.process.pid)
        return sum(one.memory_info().rss for one in [whole, *whole.children(recursive=True)]) / 2**20


def asked(server: str, model: str, texts: int = 1, *, patient: bool = True) -> Asked:
    """The same words for all. Ours is told that the client waits: the others take everything in any case."""
    words = [TEXT] * texts
    if server == "infinity":
        return Asked("/embeddings", json.dumps({"input": words, "model": "minilm"}))
    if server in OURS:
        body = json.dumps({"texts": words, "model": MODEL_IDS[model]})
        return Asked("/invocations", body, {ATTRIBUTES_HEADER: PATIENT} if patient else {})
    return Asked({"litserve": "/predict", "mosec": "/inference"}[server], json.dumps({"texts": words}))


def command(server: str, model: str, batch: int, port: int, environment: Path) -> list[str]:
    """What starts it; `environment` is the peer's own."""
    python = str(environment / "bin" / "python")
    if server in OURS:
        return [
            sys.executable,
            "-m",
            "benchmarks.endpoint.ours",
            "serve",
            "--port",
            str(port),
            "--home",
            str(HOME),
        ]
    if server == "infinity":
        options = (
            f"--engine optimum --batch-size {batch} --port {port} --host 127.0.0.1 --no-bettertransformer"
        )
        return [
            str(environment / "bin" / "infinity_emb"), "v2", "--model-id", ".",
            "--served-model-name", "minilm", "--no-model-warmup", "--log-level", "error", *options.split(),
        ]  # fmt: skip
    return [python, "-m", f"benchmarks.endpoint.peer_{server}", model, str(batch), str(port), str(HOME)]


def prepare() -> None:
    """The ONNX file and the tokenizer that all of them run, and our config of the GPU-like model."""
    configs = HOME / "configs"
    configs.mkdir(parents=True, exist_ok=True)
    for config in CONFIGS.glob("*.json"):
        (configs / config.name).write_bytes(config.read_bytes())
    (configs / "gpu-like.json").write_text(json.dumps(CONFIG))
    weights = HOME / "weights"  # where the configs look for them
    if not weights.exists():
        weights.symlink_to(CONFIGS.parent / "weights")
    revision = load_sentence_encoder(HOME / "models").revision
    graph = next((HOME / "models").glob(f"all-minilm-l6-v2-{revision}*.onnx"))
    (HOME / "minilm.onnx").write_bytes(graph.read_bytes())
    (HOME / "tokenizer.json").write_bytes((packaged_model() / "tokenizer.json").read_bytes())
    infinity = HOME / "infinity"
    infinity.mkdir(parents=True, exist_ok=True)
    for name in (
        "config.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "special_tokens_map.json",
        "vocab.txt",
    ):
        (infinity / name).write_bytes((packaged_model() / name).read_bytes())
    write_with_states(graph, infinity / "model.onnx")


def write_with_states(graph: Path, target: Path) -> None:
    """infinity pools token states itself: the same network, answering those of its last layer."""
    import onnx

    model = onnx.load(graph)
    last = next(node.output[0] for node in reversed(model.graph.node) if node.op_type == "LayerNormalization")
    del model.graph.output[:]
    shape: list[str | int | None] = ["batch", "tokens", 384]
    answer = onnx.helper.make_tensor_value_info("last_hidden_state", onnx.TensorProto.FLOAT, shape)
    model.graph.node.append(onnx.helper.make_node("Identity", [last], ["last_hidden_state"]))
    model.graph.output.append(answer)
    onnx.save(model, target)


def compile_ours() -> None:
    """The package as the images have it, beside the sources."""
    shutil.rmtree(COMPILED, ignore_errors=True)
    leave_out = shutil.ignore_patterns("__pycache__", "training")
    package = Path(gpu_endpoint.__path__[0])
    shutil.copytree(package, COMPILED / package.name, copy_function=os.symlink, ignore=leave_out)
    command = [sys.executable, "-m", "gpu_endpoint.compiling", str(COMPILED)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def home_of(server: str) -> Path:
    """Where it is started: what lies there is imported first."""
    return {"infinity": HOME / "infinity", "compiled": COMPILED}.get(server, ROOT)


@contextmanager
def running(server: str, model: str, *, batch: int, environment: Path, **settings: str) -> Iterator[Running]:
    """Ready when the block begins, gone when it ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    variables = {
        **os.environ,
        "SIGHTLINE_MODEL_CONFIGS": str(HOME / "configs"),
        "SIGHTLINE_IMAGE_MODEL": "gpu-like",
        "SIGHTLINE_ENDPOINT_MAX_BATCH": str(batch),
        "HF_HUB_OFFLINE": "1",
        "DO_NOT_TRACK": "1",
        "INFINITY_ANONYMOUS_USAGE_STATS": "0",
        **settings,
    }
    log = (HOME / f"{server}.log").open("wb")
    process = subprocess.Popen(
        command(server, model, batch, port, environment),
        cwd=home_of(server),
        env=variables,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        wait_ready(server, model, port, process)
        yield Running(port, process)
    finally:
        end(process)
        log.close()


def wait_ready(server: str, model: str, port: int, process: subprocess.Popen[bytes]) -> None:
    """Returns once a real question is answered."""
    question = asked(server, model)
    url, deadline = f"http://127.0.0.1:{port}{question.path}", time.monotonic() + READY_S
    request = urllib.request.Request(url, question.body.encode(), {"content-type": "application/json"})
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), urllib.request.urlopen(request, timeout=5):  # noqa: S310 - a loopback address
            return
        time.sleep(0.1)
    raise RuntimeError(f"{server} does not answer: {(HOME / f'{server}.log').read_text()[-2000:]}")


def end(process: subprocess.Popen[bytes]) -> None:
    """Asks the whole group to end, then ends it: some leave workers behind."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=5)
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
