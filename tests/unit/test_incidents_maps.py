"""docs/maps: maps for tools that have no sender of their own, on what those tools really sent."""

import json
from pathlib import Path

import pytest

from sightline.incidents.schemas import NewAlert
from sightline.incidents.senders.mapping import AlertMap

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
MAPS = sorted((ROOT / "docs" / "maps").glob("*.json"))
REAL = ROOT.parent / "shared" / "data" / "webhooks"


def read(tool: str, sample: str) -> NewAlert:
    """The one alert of a real payload."""
    path = REAL / tool / f"{sample}.json"
    if not path.exists():
        pytest.skip("the real payloads are not here")
    given = AlertMap.model_validate_json((ROOT / "docs" / "maps" / f"{tool}.json").read_text())
    (alert,) = given.read(json.loads(path.read_text()), {})
    return alert


@pytest.mark.parametrize(
    ("tool", "sample", "title", "severity", "recovered"),
    [
        ("axiom", "keep_ALERTS", "Triggered: New monitor", None, False),
        ("checkly", "keep_ALERTS", "API Check #1", None, True),
        ("checkmk", "keep_ALERTS", "CheckMK server1 - DOWN -> UP", "info", True),
        ("coralogix", "keep_ALERTS", "Keep", None, False),
        ("dash0", "keep_ALERTS", "This is a summay", None, True),
        ("gcpmonitoring", "keep_database_latency", "Database query latency above threshold", "medium", False),
        ("graylog", "keep_ALERTS", "Event - 1", "high", False),
        ("libre_nms", "keep_ALERTS", "Device 10.10.1.147 recovered from Devices up/down", "info", True),
        ("pingdom", "alerta_pingdom_down", "Alerta API on OpenShift", "high", False),
        ("prometheus", "keep_HighCPUUsage", "CPU usage is over 90%", "critical", False),
        ("riemann", "alerta_riemann_alert", "This is a description", None, True),
        ("signalfx", "keep_simulate", "sf.org.log.numMessagesDroppedThrottle", "critical", False),
        ("thousandeyes", "keep_ALERT_1", "PDF Test", "info", True),
        ("vmware", "alerta_vmware_vrealize", "sample-info", "medium", False),
    ],
)
def test_a_map_says_what_the_tool_says(
    tool: str, sample: str, title: str, severity: str | None, recovered: bool
) -> None:
    alert = read(tool, sample)
    assert (alert.title, alert.severity, alert.recovered) == (title, severity, recovered)


@pytest.mark.parametrize(
    ("tool", "fired", "over"),
    [
        ("pingdom", "alerta_pingdom_down", "alerta_pingdom_up"),
        ("gcpmonitoring", "alerta_stackdriver_open", "alerta_stackdriver_closed"),
    ],
)
def test_a_recovery_has_the_name_of_its_alert(tool: str, fired: str, over: str) -> None:
    first, last = read(tool, fired), read(tool, over)
    assert first.external_id == last.external_id
    assert (first.recovered, last.recovered) == (False, True)
    assert first.occurred_at


@pytest.mark.parametrize("path", MAPS, ids=lambda path: path.stem)
def test_every_payload_of_a_mapped_tool_is_read(path: Path) -> None:
    samples = sorted((REAL / path.stem).glob("*.json"))
    if not samples:
        pytest.skip("the real payloads are not here")
    for sample in samples:
        assert read(path.stem, sample.stem).title
