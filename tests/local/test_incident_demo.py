"""`sightline demo incidents` against a running local cloud."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from client.incident_demo.run import storm_of
from tests.conftest import REPOSITORY
from tests.running_cloud import RunningCloud

pytestmark = pytest.mark.local


@pytest.fixture(scope="module")
def demo(cloud: RunningCloud) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SIGHTLINE_"))}
    return subprocess.run(
        [sys.executable, "-m", "client", "demo", "incidents", "--seed", "5", "--speed", "240"],
        cwd=cloud.home,
        env={**kept, "SIGHTLINE_HOME": str(cloud.home), "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=200,
    )


@pytest.fixture(scope="module")
def counts(demo: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert demo.returncode == 0, demo.stderr
    (line,) = demo.stdout.splitlines()
    found: dict[str, Any] = json.loads(line)
    return found


def test_it_loses_none_and_counts_what_came_twice(counts: dict[str, Any]) -> None:
    assert counts["alerts_in"] == len(storm_of(5))
    assert 0 < counts["alerts"] < counts["alerts_in"]
    assert counts["duplicates"] > 0


def test_incidents_form_and_slack_is_told_of_each(counts: dict[str, Any]) -> None:
    assert 0 < counts["incidents"] < counts["alerts"]
    assert counts["notifications"] >= counts["incidents"]


def test_it_shows_a_summary_a_message_and_a_cited_answer(
    demo: subprocess.CompletedProcess[str], counts: dict[str, Any]
) -> None:
    assert "summarised by" in demo.stderr
    assert "Slack received" in demo.stderr
    assert "nothing came" not in demo.stderr
    assert counts["runbooks"] >= 12
    assert counts["cited_sentences"] > 0
    assert ".md: " in demo.stderr
