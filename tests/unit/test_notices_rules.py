"""What is told, to whom, when, and in which words: without a database, without Slack."""

import json
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from uuid import uuid4

import pytest

from sightline.errors import ForbiddenAddressError, SignatureInvalidError
from sightline.incidents.notices import rules, slack
from sightline.incidents.notices.choosing import event_type
from sightline.incidents.notices.dressing import Place, calls
from sightline.incidents.notices.mail import incident_mail
from sightline.incidents.notices.signatures import check_signature, check_time, signature
from sightline.incidents.notices.wording import Story, story_of
from sightline.ports.outgoing import Posted

pytestmark = pytest.mark.unit

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CHANNEL = {"min_severity": "info", "services": [], "teams": []}


def incident(**more: Any) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "number": 12,
        "title": "Checkout is down",
        "status": "open",
        "severity": "high",
        "services": ["checkout"],
        "environment": "prod",
        "owner": None,
        "alert_count": 3,
        "firing_count": 2,
        "opened_at": NOON,
        "first_alert_at": NOON,
        "resolved_at": None,
        "snoozed_until": None,
        **more,
    }


def story(**more: Any) -> Story:
    events = more.pop("events", ())
    return story_of(incident(**more), message_id="m-1", events=events)


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {"kind": kind, "before": {}, "after": {}, "reason": "", "actor": "system", **more}


@pytest.mark.parametrize(
    ("kinds", "told"),
    [(["alert_joined"], False), (["noted", "alert_joined"], False), (["alert_joined", "opened"], True)],
)
def test_what_concerns_nobody_is_not_told(kinds: list[str], told: bool) -> None:
    assert rules.concerns(kinds) is told


@pytest.mark.parametrize(
    ("channel", "about", "wanted"),
    [
        ({}, {}, True),
        ({"min_severity": "high"}, {}, True),
        ({"min_severity": "critical"}, {}, False),
        ({"services": ["checkout", "cart"]}, {}, True),
        ({"services": ["cart"]}, {}, False),
        ({"teams": ["database"]}, {}, True),
        ({"teams": ["security"]}, {}, False),
        ({}, {"status": "resolved"}, False),
    ],
)
def test_a_channel_is_told_of_what_it_asked_for(
    channel: dict[str, Any], about: dict[str, Any], wanted: bool
) -> None:
    asked = {"teams": ["database", "platform"], "known": False, "opens": False}
    reason = rules.unwanted({**CHANNEL, **channel}, incident(**about), **asked)
    assert (reason is None) is wanted
    assert rules.unwanted({**CHANNEL, **channel}, incident(**about), **{**asked, "known": True}) is None


def test_an_incident_that_opened_and_was_over_at_once_is_told_all_the_same() -> None:
    over = incident(status="resolved")
    assert rules.unwanted(CHANNEL, over, teams=[], known=False, opens=True) is None


@pytest.mark.parametrize(
    ("clock", "until"),
    [("21:59", None), ("22:00", "2026-11-21T07:00"), ("06:59", "2026-11-20T07:00"), ("07:00", None)],
)
def test_quiet_hours_go_over_midnight(clock: str, until: str | None) -> None:
    quiet = {"begin": "22:00:00", "end": "07:00:00", "breaks_through": ["critical"], "timezone": "UTC"}
    at = datetime.fromisoformat(f"2026-11-20T{clock}")
    expected = datetime.fromisoformat(until) if until else None
    assert rules.quiet_until(quiet, severity="high", clock=at) == expected
    assert rules.quiet_until(quiet, severity="critical", clock=at) is None
    assert rules.quiet_until(None, severity="high", clock=at) is None


def test_quiet_hours_within_a_day_and_of_no_length() -> None:
    lunch = {"begin": "12:00:00", "end": "13:00:00", "breaks_through": []}
    at = datetime(2026, 11, 20, 12, 30)
    assert rules.quiet_until(lunch, severity="critical", clock=at) == datetime(2026, 11, 20, 13)
    never = {"begin": "12:00:00", "end": "12:00:00", "breaks_through": []}
    assert rules.quiet_until(never, severity="info", clock=at) is None


def test_a_snooze_holds_what_goes_on_and_not_its_end() -> None:
    later = NOON + timedelta(hours=1)
    assert rules.snoozed_until(incident(snoozed_until=later), now=NOON) == later
    assert rules.snoozed_until(incident(snoozed_until=NOON - timedelta(1)), now=NOON) is None
    assert rules.snoozed_until(incident(snoozed_until=later, status="resolved"), now=NOON) is None


def test_pauses_grow_and_end_and_slack_may_ask_for_more() -> None:
    pauses = [rules.pause_s(tries, asked_s=None, random=Random(1)) for tries in range(1, 9)]
    assert pauses[-1] is None
    planned = [pause for pause in pauses if pause is not None]
    assert planned == sorted(planned)
    assert rules.pause_s(1, asked_s=30, random=Random(1)) == 30


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/services/T/B/x",
        "https://hooks.slack.com.example.org/services/T/B/x",
        "https://example.org/hooks.slack.com",
        "https://hooks.slack.com@example.org/",
        "http://127.0.0.1:9/hook",
    ],
)
def test_an_incoming_webhook_leads_to_slack_and_nowhere_else(url: str) -> None:
    with pytest.raises(ForbiddenAddressError):
        rules.check_slack_address(url, loopback=False)


def test_on_a_local_stage_slack_may_be_this_machine() -> None:
    rules.check_slack_address("https://hooks.slack.com/services/T/B/x", loopback=False)
    rules.check_slack_address("http://127.0.0.1:9/hook", loopback=True)
    rules.check_slack_api("http://localhost:9/api", loopback=True)
    for url in ("http://10.0.0.1/api", "https://example.org/api"):
        with pytest.raises(ForbiddenAddressError):
            rules.check_slack_api(url, loopback=True)


def test_what_an_alert_says_mentions_nobody() -> None:
    """Titles and services are anybody's words."""
    nasty = "<!channel> <@U123> & <https://evil.example|click> @here"
    told = slack.message(story(title=nasty, services=[nasty], owner=nasty), buttons=True, news=True)
    text = json.dumps(told, ensure_ascii=False)
    assert "<!channel" not in text
    assert "<@U" not in text
    assert "<https" not in text
    assert "&lt;!channel&gt;" in text
    assert told["parse"] == "none"
    assert told["link_names"] is False
    for block in told["attachments"][0]["blocks"]:
        for part in [block.get("text"), *block.get("fields", [])]:
            assert part is None or part["verbatim"] is True


def test_buttons_fit_the_status() -> None:
    def actions(status: str) -> list[str]:
        blocks = slack.message(story(status=status), buttons=True, news=False)["attachments"][0]["blocks"]
        return [one["action_id"] for block in blocks for one in block.get("elements", [])]

    assert actions("open") == ["acknowledge", "resolve"]
    assert actions("investigating") == ["resolve"]
    assert actions("resolved") == []


def test_news_says_what_changed_and_who_in_slack_did() -> None:
    events = [
        event("alert_joined"),
        event("severity_changed", before={"severity": "high"}, after={"severity": "critical"}),
        event("alerts_reached", after={"alerts": 20}),
        event(
            "status_changed", before={"status": "open"}, after={"status": "investigating"}, actor="slack:U42"
        ),
        event("merged", after={"into": "x", "number": 7}),
        event("merged", after={"absorbed": "x", "number": 9, "alerts": 2}),
        event("resolved", actor="slack:<!channel>", reason="rolled back\n<b>"),
    ]
    told = story(events=events)
    assert slack.thread_text(told.news).splitlines() == [
        "• Severity: high → critical",
        "• 20 alerts by now",
        "• Status: open → investigating, by <@U42>",
        "• Merged into INC-7",
        "• INC-9 went into it",
        "• Resolved: rolled back &lt;b&gt;",
    ]


def test_a_bot_keeps_one_message_true_and_tells_changes_below_it() -> None:
    place = Place("slack_bot", "ops", {"conversation": "C1", "api_url": "x"}, "m-1")
    (first,) = calls(place, [story()])
    assert (first.method, first.body["channel"], first.repeatable) == ("chat.postMessage", "C1", False)
    there = Place("slack_bot", "ops", {"conversation": "C1", "api_url": "x"}, "m-1", "C1", "17.1")
    update, reply = calls(there, [story(events=[event("resolved")])])
    assert (update.method, update.body["ts"], update.repeatable) == ("chat.update", "17.1", True)
    assert (reply.method, reply.body["thread_ts"], reply.repeatable) == ("chat.postMessage", "17.1", False)


def test_a_long_text_stays_within_slacks_limits() -> None:
    long = "<" * 5000
    told = slack.message(
        story_of(incident(title=long, services=[long] * 300), message_id="m", summary=long * 2),
        buttons=True,
        news=True,
    )
    for block in told["attachments"][0]["blocks"]:
        for part in [block.get("text"), *block.get("fields", [])]:
            assert part is None or len(part["text"]) <= 3000


def test_mail_is_escaped_and_one_conversation() -> None:
    mail = incident_mail(story(title="<script>x</script>\r\nBcc: all@example.com"), to=["a@example.com"])
    assert "<script>" not in mail.html
    assert "\n" not in mail.subject
    assert mail.conversation == "m-1"
    assert "Checkout" in incident_mail(story(), to=["a@example.com"]).text


@pytest.mark.parametrize(
    ("posted", "expected"),
    [
        (Posted(200, None, None, 1, b"ok"), "sent"),
        (Posted(429, None, 7.0, 1), "retry"),
        (Posted(500, None, None, 1), "retry"),
        (Posted(404, None, None, 1, b"no_service"), "failed"),
        (Posted(None, "No answer: ConnectionRefusedError.", None, 1), "retry"),
        (Posted(None, "No answer in time.", None, 1, begun=True), "unknown"),
    ],
)
def test_what_an_incoming_webhooks_answer_means(posted: Posted, expected: str) -> None:
    assert slack.outcome_of(posted).status == expected


@pytest.mark.parametrize(
    ("body", "repeatable", "expected"),
    [
        (b'{"ok": true, "ts": "1.2", "channel": "C1"}', False, "sent"),
        (b'{"ok": false, "error": "ratelimited"}', False, "retry"),
        (b'{"ok": false, "error": "channel_not_found"}', False, "failed"),
        (b'{"ok": false, "error": "message_not_found"}', True, "retry"),
        (b"<html>", False, "unknown"),
        (b"<html>", True, "retry"),
        (b"[" * 100_000, False, "unknown"),
        (b"[]", False, "unknown"),
    ],
)
def test_what_the_web_apis_answer_means(body: bytes, repeatable: bool, expected: str) -> None:
    assert slack.api_outcome(Posted(200, None, None, 1, body), repeatable=repeatable).status == expected


def test_a_deleted_message_is_told_anew() -> None:
    gone = Posted(200, None, None, 1, b'{"ok": false, "error": "message_not_found"}')
    assert slack.api_outcome(gone, repeatable=True).lost


def test_slacks_own_example_of_a_signature() -> None:
    """Source: docs.slack.dev/authentication/verifying-requests-from-slack."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V"
        b"&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text="
        b"&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
        b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
    )
    secret, stamp = "8f742231b10e8888abcd99yyyzzz85a5", "1531420618"
    expected = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    assert signature(secret, stamp=stamp, body=body) == expected
    check_signature(expected, secret=secret, stamp=stamp, body=body)
    for wrong in ("", expected[:-1] + "4", "ä"):
        with pytest.raises(SignatureInvalidError):
            check_signature(wrong, secret=secret, stamp=stamp, body=body)


@pytest.mark.parametrize("stamp", ["", "abc", "1000000301", "999999699", "-5", "9" * 5000, "١٢٣"])
def test_a_time_that_is_not_now_is_refused(stamp: str) -> None:
    with pytest.raises(SignatureInvalidError):
        check_time({"x-slack-request-timestamp": stamp}, now_s=1_000_000_000)
    assert check_time({"x-slack-request-timestamp": "1000000300"}, now_s=1_000_000_000)


@pytest.mark.parametrize(
    ("kinds", "named"),
    [
        (["opened"], "incident.opened"),
        (["reopened", "severity_changed"], "incident.opened"),
        (["opened", "resolved"], "incident.resolved"),
        (["owner_changed"], "incident.changed"),
    ],
)
def test_what_a_change_is_called_to_webhooks(kinds: list[str], named: str) -> None:
    assert event_type(kinds) == named
