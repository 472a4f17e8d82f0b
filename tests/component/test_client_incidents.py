"""`sightline incidents` against the shipped routes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from client.cli import run
from tests.component.conftest import member_of
from tests.component.incidents import Desk
from tests.component.test_incidents import NOON_S
from tests.conftest import Workspace
from tests.gateway import serving

pytestmark = pytest.mark.component

Command = Callable[..., Any]


@pytest.fixture
def desk(workspace: Workspace) -> Desk:
    """Two services fail at once."""
    desk = Desk(workspace)
    desk.fire("a", service="checkout", severity="critical")
    desk.fire("b", NOON_S + 60, service="checkout", severity="critical")
    desk.fire("c", service="search", severity="critical")
    return desk


@pytest.fixture
def sightline(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """Runs `sightline incidents ... --json` and answers what it printed."""

    def command(*words: str, code: int = 0, plain: bool = False) -> Any:
        capsys.readouterr()
        assert run(["incidents", *words] if plain else ["incidents", *words, "--json"]) == code
        printed = capsys.readouterr()
        return printed.out + printed.err if plain else json.loads(printed.out)

    with serving(desk.handler, member_of(desk.workspace)) as url:
        monkeypatch.setenv("SIGHTLINE_API_URL", url)
        monkeypatch.setenv("SIGHTLINE_API_KEY", "slk_tests")
        monkeypatch.setenv("SIGHTLINE_WORKSPACE_ID", str(desk.workspace.id))
        monkeypatch.setenv("SIGHTLINE_CONFIG_DIR", str(tmp_path / "config"))
        yield command


def test_what_is_going_on_is_shown_with_its_reasons(sightline: Command) -> None:
    search, checkout = sightline()["items"]
    assert (search["services"], checkout["services"]) == (["search"], ["checkout"])
    assert "INC-1" in sightline(plain=True)
    shown = sightline("show", checkout["id"])
    assert [alert["title"] for alert in shown["alerts"]] == ["a is high", "b is high"]
    assert "service checkout, 60 s apart" in sightline("show", checkout["id"], plain=True)
    kinds = [event["kind"] for event in sightline("timeline", checkout["id"])["items"]]
    assert kinds == ["alert_joined", "opened", "alert_joined"]
    assert "alert_joined" in sightline("timeline", checkout["id"], plain=True)


def test_a_person_looks_at_it_and_says_what_resolved_it(sightline: Command) -> None:
    search, checkout = (one["id"] for one in sightline()["items"])
    assert sightline("investigate", checkout, "--owner", "ada")["owner"] == "ada"
    assert sightline("acknowledge", checkout)["status"] == "investigating"
    assert sightline("resolve", checkout, "--note", "rolled back")["resolution"] == "rolled back"
    (like,) = sightline("similar", search)["items"]
    assert (like["id"], like["resolution"]) == (checkout, "rolled back")
    assert "rolled back" in sightline("similar", search, plain=True)
    changed = sightline("change", search, "--title", "Search fails", "--severity", "low")
    assert (changed["title"], changed["severity"]) == ("Search fails", "low")


def test_incidents_are_snoozed_merged_and_split(sightline: Command, tmp_path: Path) -> None:
    search, checkout = (one["id"] for one in sightline()["items"])
    assert sightline("snooze", checkout, "--minutes", "30")["snoozed_until"]
    assert sightline("snooze", checkout, "--minutes", "0")["snoozed_until"] is None
    assert sightline("merge", checkout, search)["alert_count"] == 3
    alert = sightline("show", checkout)["alerts"][-1]["id"]
    assert sightline("split", checkout, alert)["alert_count"] == 1
    given = tmp_path / "map.json"
    given.write_text('{"checkout": ["payments-db"]}')
    assert sightline("service-map", str(given)) == {"services": {"checkout": ["payments-db"]}}
    given.write_text("{")
    assert "not JSON" in sightline("service-map", str(given), code=2, plain=True)
