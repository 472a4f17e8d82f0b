"""`sightline incidents` against the shipped routes."""

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
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
        monkeypatch.setenv("COLUMNS", "200")  # long paths do not break what errors say
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


def test_people_say_inc_1_and_read_no_ids(sightline: Command) -> None:
    checkout = sightline("show", "INC-1")
    assert [sightline("show", name)["id"] for name in ("inc-1", "1", checkout["id"])] == 3 * [checkout["id"]]
    assert sightline("resolve", "INC-1", "--note", "done")["number"] == 1
    told = sightline("timeline", "INC-1", plain=True)
    assert "title b is high" in told
    assert checkout["alerts"][0]["id"] not in told
    assert sightline("merge", "INC-2", "INC-1")["alert_count"] == 3
    assert "There is no incident INC-9" in sightline("show", "INC-9", code=4, plain=True)


def test_a_person_looks_at_it_and_says_what_resolved_it(sightline: Command, desk: Desk) -> None:
    search, checkout = (one["id"] for one in sightline()["items"])
    assert sightline("investigate", checkout, "--owner", "ada")["owner"] == "ada"
    assert sightline("acknowledge", checkout)["status"] == "investigating"
    assert sightline("resolve", checkout, "--note", "rolled back")["resolution"] == "rolled back"
    assert sightline("similar", search)["items"] == []
    desk.fire("d", NOON_S + 7200, service="checkout", severity="critical")
    (like,) = sightline("similar", "INC-3")["items"]
    assert (like["id"], like["resolution"]) == (checkout, "rolled back")
    assert "rolled back" in sightline("similar", "INC-3", plain=True)
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


def test_maintenance_is_planned_listed_and_ended(sightline: Command) -> None:
    assert sightline("maintenance", "list")["items"] == []
    made = sightline("maintenance", "add", "new disks", "--minutes", "90", "--service", "orders-db")
    begin, end = (datetime.fromisoformat(made[name]) for name in ("starts_at", "ends_at"))
    assert (end - begin, made["services"], made["environments"]) == (timedelta(minutes=90), ["orders-db"], [])
    later = ("--minutes", "5", "--starts", "2030-05-01T22:00:00", "--environment", "production")
    assert "every service" in sightline("maintenance", "add", "a drill", *later, plain=True)
    drill, disks = sightline("maintenance", "list")["items"]
    assert datetime.fromisoformat(drill["starts_at"]) == datetime(2030, 5, 1, 22).astimezone()
    assert (drill["environments"], disks["id"]) == (["production"], made["id"])
    assert "orders-db" in sightline("maintenance", "list", plain=True)
    assert sightline("maintenance", "end", made["id"]) == {"id": made["id"], "ended": True}
    assert "Ended." in sightline("maintenance", "end", drill["id"], plain=True)
    assert sightline("maintenance", "list")["items"] == []
    assert sightline("maintenance", "end", made["id"], code=4)["error"]["code"] == "not-found"


def test_settings_are_changed_one_by_one(sightline: Command) -> None:
    before = sightline("settings", "show")
    assert (before["alerts_needed"], before["opens_at_once"], before["auto_resolve"]) == (2, "high", True)
    changed = before | {"alerts_needed": 5, "opens_at_once": None}
    assert sightline("settings", "set", "--alerts-needed", "5", "--opens-at-once", "none") == changed
    changed["auto_resolve"] = False
    assert sightline("settings", "set", "--no-auto-resolve") == changed == sightline("settings", "show")
    shown = sightline("settings", "show", plain=True)
    assert ["opens_at_once", "none"] in [line.split() for line in shown.splitlines()]
    assert "say what to change" in sightline("settings", "set", code=2, plain=True)
    refused = sightline("settings", "set", "--alerts-needed", "0", code=1)
    assert refused["error"]["code"] == "validation-failed"


def test_what_is_over_is_kept_for_so_many_days(sightline: Command) -> None:
    assert sightline("retention", "90", "--dry-run")["keep_days"] is None
    assert sightline("retention", "90")["keep_days"] == 90
    assert "90 days" in sightline("retention", plain=True)
    assert "neither a number of days nor off" in sightline("retention", "soon", plain=True, code=2)
    assert sightline("retention", "off")["keep_days"] is None


def test_an_empty_list_says_where_to_look(sightline: Command) -> None:
    assert "--status gathering" in sightline("--service", "nowhere", plain=True)
    assert sightline("--service", "nowhere") == {"items": []}
