"""Deliveries that failed every time: tried once more, shown to their owner alone, sent again."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID, uuid4

import pytest

from sightline.database import transaction
from sightline.errors import DatabaseUnavailableError, DeliveryNotKeptError, MalformedRequestError
from sightline.incidents import dead_letters
from tests.component.conftest import sample
from tests.component.test_incidents import TRIAGE, User, fire, user  # noqa: F401
from tests.conftest import Workspace

pytestmark = pytest.mark.component


def refuse(_message: Mapping[str, Any]) -> None:
    raise DeliveryNotKeptError("Amazon SNS does not answer.")


def bury(message: Mapping[str, Any], take: Any = refuse) -> None:
    dead_letters.keep(message, take=take)


def shown(user: User) -> list[tuple[str, str, str]]:  # noqa: F811
    items = user.ask("GET", "/v1/alert-dead-letters", role="viewer").json["items"]
    return [(one["id"], one["code"], one["reason"]) for one in items]


@pytest.fixture
def message(user: User) -> dict[str, Any]:  # noqa: F811
    return user.message(user.add_source(), fire())


def test_what_fails_still_is_shown_with_why_and_whole(user: User, message: dict[str, Any]) -> None:  # noqa: F811
    bury(message)
    assert shown(user) == [(message["delivery_id"], "delivery-not-kept", "Amazon SNS does not answer.")]
    one = user.ask("GET", f"/v1/alert-dead-letters/{message['delivery_id']}").json
    assert (one["raw_payload"], one["source_id"]) == (message["body"], message["source_id"])
    bury(message)
    assert len(shown(user)) == 1


def test_what_can_be_read_by_now_is_read_and_shown_to_nobody(user: User, message: dict[str, Any]) -> None:  # noqa: F811
    bury(message, TRIAGE.take)
    assert (len(user.alerts()), shown(user)) == (1, [])


def test_what_nobody_expected_is_shown_without_its_words(user: User, message: dict[str, Any]) -> None:  # noqa: F811
    def fail(_message: Mapping[str, Any]) -> None:
        raise KeyError("a customer's secret")

    bury(message, fail)
    ((_, code, reason),) = shown(user)
    assert (code, "secret" in reason) == ("internal-error", False)


def test_what_kills_its_reader_is_not_tried_for_ever(user: User, message: dict[str, Any]) -> None:  # noqa: F811
    def die(_message: Mapping[str, Any]) -> None:
        raise SystemExit  # as if the process had ended: nothing after it runs

    with pytest.raises(SystemExit):
        bury(message, die)
    assert shown(user) == []
    bury(message, die)
    ((_, code, _),) = shown(user)
    assert code == "reader-ended"


def test_without_a_database_it_stays_on_the_queue(message: dict[str, Any]) -> None:
    def lose(_message: Mapping[str, Any]) -> None:
        raise DatabaseUnavailableError

    with pytest.raises(DatabaseUnavailableError):
        bury(message, lose)


def test_it_is_sent_again_and_read_once(user: User, message: dict[str, Any]) -> None:  # noqa: F811
    bury(message)
    answer = user.ask("POST", f"/v1/alert-dead-letters/{message['delivery_id']}/redrive")
    assert (answer.status, answer.json) == (202, {"redriven": 1, "more": False})
    assert shown(user) == []
    (alert,) = user.alerts()
    assert alert["occurrences"] == 1
    assert user.ask("POST", f"/v1/alert-dead-letters/{message['delivery_id']}/redrive").status == 404


def test_all_are_sent_again_a_hundred_at_a_time(user: User) -> None:  # noqa: F811
    source_id = user.add_source()
    for number in range(102):
        bury(user.message(source_id, fire(monitor=str(number % 3), title=f"Disk {number % 3}")))
    first = user.ask("POST", "/v1/alert-dead-letters/redrive").json
    second = user.ask("POST", "/v1/alert-dead-letters/redrive").json
    assert (first, second) == ({"redriven": 100, "more": True}, {"redriven": 2, "more": False})
    assert sum(alert["occurrences"] for alert in user.alerts()) == 102


def test_nobody_sees_or_sends_what_is_anothers(
    user: User,  # noqa: F811
    other_workspace: Workspace,
    message: dict[str, Any],
) -> None:
    bury(message)
    stranger = User(other_workspace, user.keys)
    assert shown(stranger) == []
    path = f"/v1/alert-dead-letters/{message['delivery_id']}"
    assert stranger.ask("GET", path).status == 404
    assert stranger.ask("POST", f"{path}/redrive").status == 404
    assert stranger.ask("POST", "/v1/alert-dead-letters/redrive").json["redriven"] == 0
    assert user.ask("POST", f"{path}/redrive", role="editor").status == 403
    assert len(shown(user)) == 1


@pytest.mark.parametrize("broken", [{}, {"delivery_id": "x", "workspace_id": "y"}, {"workspace_id": None}])
def test_what_is_nobodys_stays_for_the_operator(broken: dict[str, Any]) -> None:
    with pytest.raises(MalformedRequestError):
        bury(broken)


def test_an_event_that_nobody_claimed_stays_for_the_operator() -> None:
    event = json.loads(sample("triage_alerts/eventbridge_alarm")["Records"][0]["body"])
    with pytest.raises(MalformedRequestError):
        bury(event | {"account": str(uuid4())})


def test_what_is_left_of_an_erased_workspace_is_let_go() -> None:
    message = json.loads(sample("keep_dead_letters/one_delivery")["Records"][0]["body"])
    bury(message, TRIAGE.take)
    with transaction(message["workspace_id"]) as conn:
        assert conn.execute("SELECT count(*) AS n FROM alert_dead_letter").fetchone() == {"n": 0}


@pytest.mark.parametrize("body", ["a\u0000b", "é" * 1000, ""])
def test_any_text_is_kept(user: User, message: dict[str, Any], body: str) -> None:  # noqa: F811
    bury({**message, "body": body})
    assert user.ask("GET", f"/v1/alert-dead-letters/{message['delivery_id']}").json["raw_payload"] == body


def test_bytes_that_are_no_text_are_shown_as_far_as_they_are(user: User, message: dict[str, Any]) -> None:  # noqa: F811
    del message["body"]
    bury({**message, "body_base64": "/w=="})
    assert user.ask("GET", f"/v1/alert-dead-letters/{message['delivery_id']}").json["raw_payload"] == "\ufffd"
    long_id = str(uuid4())
    bury({**message, "delivery_id": long_id, "body_key": "deliveries/a/b"})
    assert user.ask("GET", f"/v1/alert-dead-letters/{UUID(long_id)}").json["raw_payload"] is None


def test_the_list_goes_on_where_it_ended(user: User) -> None:  # noqa: F811
    source_id = user.add_source()
    for _ in range(3):
        bury(user.message(source_id, fire()))
    first = user.ask("GET", "/v1/alert-dead-letters", query="limit=2").json
    query = f"limit=2&cursor={first['next_cursor']}"
    second = user.ask("GET", "/v1/alert-dead-letters", query=query).json
    assert len({one["id"] for page in (first, second) for one in page["items"]}) == 3
