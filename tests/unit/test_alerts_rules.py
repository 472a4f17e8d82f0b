"""What the patterns find in alerts, and what they leave alone."""

from __future__ import annotations

from itertools import pairwise

import pytest

from gpu_endpoint.models.alert_habits import no_entities, plausible, severities, written_severity
from gpu_endpoint.models.alert_rules import find_certain
from gpu_endpoint.models.spans import Stretch

pytestmark = pytest.mark.unit


def found(text: str) -> list[tuple[str, str]]:
    return [(one.label, text[one.start : one.end]) for one in find_certain(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("failed logins from 10.0.3.17.", [("host", "10.0.3.17")]),
        ("scrape of 10.0.0.1:9090 failed", [("host", "10.0.0.1:9090")]),
        ("block 192.168.0.0/16 now", [("host", "192.168.0.0/16")]),
        ("from 2001:db8::1, twice", [("host", "2001:db8::1")]),
        ("in us-east-1a and europe-west4-b", [("region", "us-east-1a"), ("region", "europe-west4-b")]),
        (
            "VM in westeurope (GERMANYWESTCENTRAL)",
            [("region", "westeurope"), ("region", "GERMANYWESTCENTRAL")],
        ),
        (
            "arn:aws:lambda:us-east-1:123456789012:function:pay failed",
            [("resource", "arn:aws:lambda:us-east-1:123456789012:function:pay")],
        ),
        ("i-0d0721c7f97545d43 stopped", [("resource", "i-0d0721c7f97545d43")]),
        ("copy to s3://backups/orders/2026.", [("resource", "s3://backups/orders/2026")]),
        ("release v2.14.0-rc1 of cart 1.2.3", [("version", "v2.14.0-rc1"), ("version", "1.2.3")]),
        ("java.lang.OutOfMemoryError: heap", [("error_code", "java.lang.OutOfMemoryError")]),
        ("pod in CrashLoopBackOff", [("error_code", "CrashLoopBackOff")]),
        ("answers HTTP 503, ECONNREFUSED", [("error_code", "HTTP 503"), ("error_code", "ECONNREFUSED")]),
        ("ORA-00060 and SQLSTATE 40P01", [("error_code", "ORA-00060"), ("error_code", "SQLSTATE 40P01")]),
        (
            "exit code 137 on CVE-2021-44228",
            [("error_code", "exit code 137"), ("error_code", "CVE-2021-44228")],
        ),
    ],
)
def test_certain_entities_are_found(text: str, wanted: list[tuple[str, str]]) -> None:
    assert found(text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "HTTP 200 OK at 12:30:45",
        "999.1.1.1 is no address, nor is 1.2.3.4.5",
        "https://api.us-east-1.amazonaws.com/x",  # the name of a host, not a place
        "the Error page, an i-frame and a v2",
        "disk at 95.5 %, 1.2 s",
        "",
    ],
)
def test_what_only_looks_alike_is_left_alone(text: str) -> None:
    assert found(text) == []


def test_nothing_overlaps() -> None:
    text = "arn:aws:sqs:eu-west-1:123456789012:jobs at 10.1.1.1 in eu-west-1: HTTP 500 " * 3
    places = [(one.start, one.end) for one in find_certain(text)]
    assert places == sorted(places)
    assert all(end <= start for (_, end), (start, _) in pairwise(places))


def test_a_hostile_text_is_read_in_time() -> None:
    for text in ("a-" * 5000, ":" * 10000, "1." * 5000, "arn:aws:" * 1200, "eu-" * 3000):
        assert isinstance(find_certain(text), list)


@pytest.mark.parametrize(
    ("text", "named", "kept"),
    [
        ("[VictorOps] CRITICAL checkout is down", ["VictorOps", "checkout"], ["checkout"]),
        (":red_circle: *cart* :red_circle:", ["red_circle", "cart"], ["cart"]),
        ("Datadog cannot reach cart", ["Datadog", "cart"], ["cart"]),
        ("cart cannot reach Datadog", ["cart", "Datadog"], ["cart", "Datadog"]),
        ("INC0012345 opened for cart", ["INC0012345", "cart"], ["cart"]),
        ("web-1 cart[4117]: slow", ["cart", "4117"], ["cart"]),
        ("P2 / cart / down", ["/", "cart"], ["cart"]),
        ("disk / of web-1 is full\ndisk / of web-2", ["/", "web-1"], ["/", "web-1"]),
        ("wavefront-proxy is down", ["wavefront-proxy"], ["wavefront-proxy"]),
    ],
)
def test_what_is_usual_in_alerts_is_taken_for_no_entity(text: str, named: list[str], kept: list[str]) -> None:
    found = [
        Stretch("service", text.index(name), text.index(name) + len(name), 0.6, "model") for name in named
    ]
    assert [text[one.start : one.end] for one in plausible(text, found)] == kept


@pytest.mark.parametrize(
    ("text", "severity"),
    [
        ("P2: checkout slow", "high"),
        ("SEV-1 checkout down", "critical"),
        ("Sev1 - checkout down", "high"),  # as Azure counts
        ("SEV1 CHECKOUT DOWN", None),  # whoever it is of
        ("severity: warning, checkout slow", "medium"),
        ('{"priority": "Low", "text": "x"}', "low"),
        ("Priority: 4", "low"),
        ("[RESOLVED] P1 checkout down", "info"),
        ("PagerDuty RESOLVED: checkout", "info"),
        (":white_check_mark: checkout", "info"),
        ("OK: checkout", "info"),
        ("OK let us look at checkout", None),
        ("p95 of checkout at P99", None),
        ("an error of high severity", None),
        ("battery level low on web-3", None),
    ],
)
def test_a_severity_that_is_written_out_is_read(text: str, severity: str | None) -> None:
    assert written_severity(text) == severity
    chances = severities(text, dict.fromkeys(("critical", "high", "medium", "low", "info"), 0.2))
    assert sum(chances.values()) == pytest.approx(1)
    assert severity is None or max(chances, key=chances.__getitem__) == severity


@pytest.mark.parametrize(
    "part", [":_", ":a", "_", "\n", " ", "severity ", "priority  ", " / ", "[", "P1.", "INC"]
)
def test_no_text_takes_long(part: str) -> None:
    text = (part * 10_000)[:10_000]
    assert list(no_entities(text)) == [] or part == " / "
    assert written_severity(text) is None
