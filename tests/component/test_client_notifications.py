"""The commands for notifications, against the shipped routes on Postgres and a fake Slack."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from client.cli import run
from sightline.http import as_lambda, create_app
from sightline.incidents.notices.routes import router
from sightline.outgoing.routes import router as outgoing
from sightline.ports.outgoing import ChannelVault, Vault, WebhookSender
from sightline.ports.work import NoticeQueue
from tests.component.conftest import member_of
from tests.component.notices import Office, made_vault, opened_office, served_slack  # noqa: F401 - fixtures
from tests.fake_slack import FakeSlack
from tests.gateway import serving
from tests.webhook_receiver import receiving

pytestmark = pytest.mark.component

Command = Callable[..., Any]


class AtOnce:
    """A queue whose function runs as soon as something is sent."""

    def __init__(self, office: Office) -> None:
        self._office = office

    def send(self, message: dict[str, Any], *, delay_s: int = 0) -> None:
        assert delay_s == 0, "nothing fails here"
        self._office.desk().take(message)


@pytest.fixture
def sightline(
    office: Office,
    slack: FakeSlack,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Command]:
    """Runs `sightline ... --json` and answers what it printed; secrets come from the environment."""
    ports: dict[Any, Any] = {
        ChannelVault: lambda: office.vault,
        Vault: lambda: office.vault,
        WebhookSender: lambda: office.sender,
        NoticeQueue: lambda: AtOnce(office),
    }

    def command(*words: str, code: int = 0, plain: bool = False) -> Any:
        capsys.readouterr()
        assert run([*words] if plain else [*words, "--json"]) == code
        printed = capsys.readouterr()
        return printed.out + printed.err if plain else json.loads(printed.out)

    with serving(as_lambda(create_app(router, outgoing, ports=ports)), member_of(office.workspace)) as url:
        for name, value in {
            "SIGHTLINE_API_URL": url,
            "SIGHTLINE_API_KEY": "slk_tests",
            "SIGHTLINE_WORKSPACE_ID": str(office.workspace.id),
            "SIGHTLINE_CONFIG_DIR": str(tmp_path / "config"),
            "COLUMNS": "200",  # long paths do not break what errors say
            "SIGHTLINE_SLACK_URL": slack.hook,
            "SIGHTLINE_SLACK_TOKEN": "xoxb-of-the-bot",
            "SIGHTLINE_SLACK_SIGNING_SECRET": "secret-of-the-app",
        }.items():
            monkeypatch.setenv(name, value)
        yield command


ADD = ("notifications", "channels", "add")


def test_a_slack_channel_from_its_making_to_its_end(
    sightline: Command, office: Office, slack: FakeSlack
) -> None:
    made = sightline(*ADD, "slack", "--name", "#ops", "--severity", "high", "--service", "checkout")
    assert made["filters"] == {"min_severity": "high", "services": ["checkout"], "teams": []}
    test = ("notifications", "channels", "test", made["id"])
    (shown,) = sightline(*test, "--dry-run")["items"]
    assert slack.calls == []
    assert sightline(*test)["status"] == "sent"
    assert slack.bodies() == [shown["calls"][0]["body"]]
    assert "sent: all well" in sightline(*test, plain=True)
    assert "#ops" in sightline("notifications", "channels", "list", plain=True)
    incident_id = office.incident()
    (preview,) = sightline("notifications", "preview", str(incident_id))["items"]
    assert preview["told"]
    office.tell(incident_id, 1, "opened")
    assert slack.bodies()[-1] == preview["calls"][0]["body"]
    (told, *_) = sightline("notifications", "list", "--incident", str(incident_id))["items"]
    assert told["status"] == "sent"
    assert "a test" in sightline("notifications", "list", plain=True)
    assert "the next change" in sightline("notifications", "preview", str(incident_id), plain=True)
    assert sightline("notifications", "resend", told["id"], code=1)["error"]["code"] == "conflict"
    assert sightline("notifications", "channels", "delete", made["id"])["deleted"]
    assert sightline("notifications", "channels", "list")["items"] == []


def test_a_bot_is_told_its_request_url_and_no_secret(sightline: Command) -> None:
    hours = ("--quiet", "22:00-07:00", "--timezone", "Europe/Berlin")
    made = sightline(*ADD, "slack-bot", "C0123", *hours)
    assert made["interactions_url"].endswith(f"/v1/slack/interactions/{made['id']}")
    assert made["quiet_hours"]["timezone"] == "Europe/Berlin"
    assert "xoxb" not in json.dumps(made)
    assert "22:00-07:00 Europe/Berlin" in sightline("notifications", "channels", "list", plain=True)
    assert "Request URL" in sightline(*ADD, "slack-bot", "C0123", plain=True)


def test_mail_and_webhooks_are_channels_too(sightline: Command) -> None:
    assert sightline(*ADD, "email", "a@example.com", "b@example.com")["settings"] == {
        "addresses": ["a@example.com", "b@example.com"]
    }
    with receiving() as receiver:
        made = sightline(*ADD, "webhook", receiver.url, "--name", "pager")
    assert made["event_types"] == ["incident.opened", "incident.changed", "incident.resolved"]
    listed = sightline("notifications", "channels", "list")
    assert ([one["kind"] for one in listed["items"]], len(listed["webhooks"])) == (["email"], 1)
    assert "pager" in sightline("notifications", "channels", "list", plain=True)


@pytest.mark.parametrize("words", [("slack", "x"), ("slack-bot",), ("email",), ("webhook", "a", "b")])
def test_what_a_kind_wants_is_said(sightline: Command, words: tuple[str, ...]) -> None:
    assert "wants" in sightline(*ADD, *words, code=2, plain=True)
