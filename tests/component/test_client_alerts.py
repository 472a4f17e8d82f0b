"""Commands for sources with maps and events, for dead letters and summaries, against the shipped routes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from client.cli import run
from sightline.contracts.intake import SourceKeys
from sightline.database import transaction
from sightline.http import as_lambda, create_app
from sightline.incidents.dead_letters import keep
from sightline.incidents.routes import router as alerts
from sightline.incidents.summaries.routes import router as summaries
from sightline.incidents.summaries.summarising import take
from sightline.ports.work import DeliveryQueue, SummaryQueue
from tests.component.conftest import member_of
from tests.component.test_dead_letters import refuse
from tests.component.test_incidents import PaperQueue, User, fire, user  # noqa: F401
from tests.component.test_summaries import QUOTING, Bus
from tests.gateway import serving

pytestmark = pytest.mark.component

Command = Callable[..., Any]


class AtOnce:
    """Summaries are written as soon as they are asked for."""

    def send(self, message: dict[str, Any]) -> None:
        take(message, writers=QUOTING, events=Bus())


@pytest.fixture
def sightline(
    user: User,  # noqa: F811
    set_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Command]:
    """Runs `sightline ... --json` and answers what it printed."""
    set_settings(event_origins="123456789012")
    ports = {SourceKeys: lambda: user.keys, DeliveryQueue: PaperQueue, SummaryQueue: AtOnce}
    handler = as_lambda(create_app(alerts, summaries, ports=ports))

    def command(*words: str, code: int = 0, plain: bool = False) -> Any:
        capsys.readouterr()
        assert run([*words] if plain else [*words, "--json"]) == code
        printed = capsys.readouterr()
        return printed.out + printed.err if plain else json.loads(printed.out)

    with serving(handler, member_of(user.workspace)) as url:
        monkeypatch.setenv("SIGHTLINE_API_URL", url)
        monkeypatch.setenv("SIGHTLINE_API_KEY", "slk_tests")
        monkeypatch.setenv("SIGHTLINE_WORKSPACE_ID", str(user.workspace.id))
        monkeypatch.setenv("SIGHTLINE_CONFIG_DIR", str(tmp_path / "config"))
        monkeypatch.setenv("COLUMNS", "200")  # long paths do not break what errors say
        yield command


def test_a_tool_is_let_in_with_a_map_of_its_own(sightline: Command, user: User, tmp_path: Path) -> None:  # noqa: F811
    given = tmp_path / "map.json"
    given.write_text('{"fields": {"title": "item.what"}}')
    made = sightline("sources", "add", "generic", "--map", str(given))
    user.deliver(made["id"], {"what": "Disk is full"})
    (alert,) = sightline("alerts")["items"]
    assert alert["title"] == "Disk is full"
    user.deliver(made["id"], {"what": "[Triggered] Memory is [bold]short"})
    assert "[Triggered] Memory is [bold]short" in sightline("alerts", plain=True)
    given.write_text("{")
    assert "not JSON" in sightline("sources", "add", "generic", "--map", str(given), code=2, plain=True)


def test_a_map_is_changed_and_what_was_not_read_is_shown_whole(
    sightline: Command,
    user: User,  # noqa: F811
    tmp_path: Path,
) -> None:
    given = tmp_path / "map.json"
    given.write_text('{"fields": {"title": "item.titel"}}')
    made = sightline("sources", "add", "generic", "--map", str(given))
    delivery_id = user.deliver(made["id"], {"what": "Disk is [full]"})
    told = sightline("alerts", "delivery", delivery_id, plain=True)
    assert '{"what": "Disk is [full]"}' in told
    assert "item.titel gives no title" in told
    assert sightline("alerts", "delivery", delivery_id)["outcome"] == "unparsed"
    given.write_text('{"fields": {"title": "item.what"}}')
    assert sightline("sources", "change", made["id"], "--map", str(given), "--name", "ours")["name"] == "ours"
    assert "ours" in sightline("alerts", "deliveries", plain=True)
    assert "read again" in sightline("alerts", "replay", delivery_id, plain=True)
    (alert,) = sightline("alerts")["items"]
    shown = sightline("alerts", "show", alert["id"], plain=True)
    assert "Disk is [full]" in shown
    assert "by rules: a model did not answer" in shown
    assert sightline("alerts", "show", alert["id"]) == alert
    assert "say what to change" in sightline("sources", "change", made["id"], code=2, plain=True)


def test_a_source_says_why_it_has_no_secret(sightline: Command) -> None:
    words = ("sources", "add", "grafana", "--allow-unsigned")
    assert "whoever knows the address may send" in sightline(*words, plain=True)
    assert "not shown again" not in sightline(*words, plain=True)
    late = sightline("sources", "add", "pagerduty", plain=True)
    assert "none yet: SIGHTLINE_SOURCE_SECRET=... sightline sources rotate" in late
    listed = sightline("sources", plain=True)
    assert "nothing" in listed
    assert sightline("sources", "add", "grafana", "--scheme", "shared_secret")["scheme"] == "shared_secret"


def test_an_accounts_events_are_claimed(sightline: Command) -> None:
    made = sightline("sources", "add", "cloudwatch", "--events", "123456789012")
    assert made["event_origins"] == ["123456789012"]
    sightline("sources", "add", "cloudwatch", "--events", "123456789012", code=1, plain=True)
    sightline("sources", "delete", made["id"])


def test_dead_letters_are_shown_and_sent_again(sightline: Command, user: User) -> None:  # noqa: F811
    source_id = user.add_source()
    for number in range(3):
        keep(user.message(source_id, fire(monitor=str(number), title=f"Disk {number}")), take=refuse)
    shown = sightline("alerts", "dead-letters")["items"]
    assert {one["code"] for one in shown} == {"delivery-not-kept"}
    assert "Amazon SNS does not answer." in sightline("alerts", "dead-letters", plain=True)
    assert sightline("alerts", "dead-letters", shown[0]["id"], "--redrive") == {"redriven": 1}
    assert "2 sent again" in sightline("alerts", "dead-letters", "--redrive", plain=True)
    assert sightline("alerts", "dead-letters")["items"] == []
    assert len(sightline("alerts")["items"]) == 3


def test_an_incident_is_summarised_when_it_is_asked_for(sightline: Command, user: User) -> None:  # noqa: F811
    user.deliver(user.add_source(), fire(tags="service:checkout", priority="P1"))
    with transaction(user.workspace.id) as conn:
        row = conn.execute("SELECT id FROM incident").fetchone()
    assert row is not None
    incident_id = str(row["id"])
    sightline("incidents", "summary", incident_id, code=4, plain=True)
    written = sightline("incidents", "summary", incident_id, "--write")
    assert sightline("incidents", "summary", incident_id) == written
    assert sightline("incidents", "summary", incident_id, "--write") == written
    told = sightline("incidents", "summary", incident_id, plain=True)
    assert "INC-1 is critical: 1 alert of checkout" in told
    assert "[1]" in told
    assert "by extractive" in told
