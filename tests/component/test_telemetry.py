"""What leaves the process about a failure: keys and class names, never what a customer sent."""

import json
import subprocess
import sys
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from sightline.telemetry import trace_id

pytestmark = pytest.mark.component

FAILING = """
from sightline.telemetry import report
def work(password):
    raise RuntimeError(f"unexpected: {password}")
try:
    work("correct horse")
except RuntimeError as error:
    report(error)
"""


@dataclass
class Sentry:
    """Takes envelopes like Sentry."""

    dsn: str = ""
    envelopes: list[str] = field(default_factory=list)


@pytest.fixture
def sentry() -> Iterator[Sentry]:
    service = Sentry()

    class Store(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.envelopes.append(zlib.decompress(body, 31).decode())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Store) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        service.dsn = f"http://public@127.0.0.1:{server.server_address[1]}/1"
        yield service
        server.shutdown()
        thread.join()


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sentry_learns_of_the_failure_and_not_of_the_data(sentry: Sentry) -> None:
    run(FAILING, SIGHTLINE_SENTRY_DSN=sentry.dsn, SIGHTLINE_STAGE="prod")
    (envelope,) = sentry.envelopes
    event = json.loads(envelope.splitlines()[2])
    assert event["environment"] == "prod"
    assert event["exception"]["values"][0]["type"] == "RuntimeError"
    for secret in ("correct horse", '"vars"'):
        assert secret not in envelope


def test_without_a_dsn_sentry_is_not_even_imported() -> None:
    out = run(FAILING + "import sys; print('sentry_sdk' in sys.modules)")
    assert out.splitlines()[-1] == "False"


def test_metrics_go_out_with_the_handlers_answer() -> None:
    code = """
from sightline.telemetry import instrumented, metrics
from tests.component.conftest import LambdaContext
@instrumented
def handler(event, context):
    if event:
        metrics.add_metric("Framed", "Count", 64)
handler({}, LambdaContext())
print("--")
handler({"n": 1}, LambdaContext())
"""
    before, after = run(code, POWERTOOLS_SERVICE_NAME="embed_frames").split("--")
    assert before.strip() == ""
    line = json.loads(after)
    assert (line["Framed"], line["service"]) == ([64.0], "embed_frames")
    assert line["_aws"]["CloudWatchMetrics"][0]["Namespace"] == "Sightline"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1", "1-5759e988-bd862e3fe1be46a994272793"),
        ("Sampled=0", "request-1"),
        ("", "request-1"),
    ],
)
def test_the_trace_id_is_x_rays_or_the_requests(
    header: str, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    assert trace_id("request-1") == expected


def test_x_ray_traces_where_it_listens() -> None:
    code = (
        "from sightline.telemetry import instrumented\n"
        "import sys\n"
        "handler = instrumented(lambda event, context: 'done')\n"
        "print('aws_xray_sdk' in sys.modules)"
    )
    assert run(code).strip() == "False"
    there = {"AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000", "POWERTOOLS_TRACE_DISABLED": "true"}
    assert run(code, **there).strip() == "True"
