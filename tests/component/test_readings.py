"""Readings of runbooks that fail: tried again, given up with a reason, begun anew when they are sent back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from sightline.database import transaction
from sightline.errors import EndpointRefusedError, EndpointUnavailableError
from sightline.incidents.runbooks.giving_up import GIVEN_UP, MAX_ATTEMPTS, SILENT, UNEXPECTED
from sightline.incidents.runbooks.ingesting import Ingesting
from tests.component.test_runbooks import (  # noqa: F401 - fixtures
    FILES,
    Broken,
    User,
    counts,
    encoder,
    user,
)

pytestmark = pytest.mark.component

REASON = GIVEN_UP.format(EndpointUnavailableError().detail.rstrip("."))


def asked(user: User) -> tuple[str, Mapping[str, Any]]:  # noqa: F811 - the fixture
    """A reading, and its message."""
    listed = [{"path": path, "text": text} for path, text in FILES.items()]
    made = user.http("POST", "/v1/runbooks", body={"files": listed}).json
    (message,) = user.readings.messages
    user.readings.messages = []
    return made["id"], message


def state(user: User, ingest_id: str) -> tuple[str, str | None]:  # noqa: F811
    told = user.http("GET", f"/v1/runbook-ingests/{ingest_id}").json
    assert (told["finished_at"] is None) == (told["status"] in ("queued", "working"))
    return told["status"], told["failure"]


def take(user: User, message: Mapping[str, Any], *, error: Exception | None = None) -> None:  # noqa: F811
    embedder = Broken(error) if error else user.model
    Ingesting(embedder=embedder, sources=user.bucket).take(message)


def set_back(user: User, column: str, minutes: int) -> None:  # noqa: F811
    """As if that had been so long ago."""
    with transaction(user.workspace.id) as conn:
        conn.execute(
            f"UPDATE runbook_ingest SET {column} = {column} - make_interval(mins => %s)",  # noqa: S608
            (minutes,),
        )


def payloads(user: User) -> int:  # noqa: F811
    with transaction(user.workspace.id) as conn:
        return len(conn.execute("SELECT FROM runbook_ingest WHERE payload IS NOT NULL").fetchall())


@pytest.mark.parametrize(
    ("error", "reason"),
    [(EndpointUnavailableError(), REASON), (RuntimeError("unforeseen"), GIVEN_UP.format(UNEXPECTED[:-1]))],
)
def test_a_reading_that_fails_every_time_is_given_up_and_begins_anew_when_it_is_sent_back(
    user: User,  # noqa: F811
    error: Exception,
    reason: str,
) -> None:
    ingest_id, message = asked(user)
    for attempt in range(MAX_ATTEMPTS):
        assert state(user, ingest_id)[0] != "failed", attempt
        with pytest.raises(type(error)):
            take(user, message, error=error)
    assert state(user, ingest_id) == ("failed", reason)
    with pytest.raises(type(error)):
        take(user, message, error=error)
    assert state(user, ingest_id) == ("working", None), "it has five more"
    take(user, message)
    assert state(user, ingest_id) == ("done", None)
    assert counts(user.http("GET", f"/v1/runbook-ingests/{ingest_id}").json) == (2, 0, 0, 0)
    assert payloads(user) == 0


def test_what_no_delivery_would_help_ends_at_once(user: User) -> None:  # noqa: F811
    ingest_id, message = asked(user)
    take(user, message, error=EndpointRefusedError("It is no text."))
    assert state(user, ingest_id) == ("failed", "It is no text.")
    take(user, message)
    assert state(user, ingest_id) == ("failed", "It is no text."), "what it was to read is gone"
    assert (payloads(user), user.runbooks()) == (0, {})


def test_a_reading_whose_function_is_killed_every_time_is_given_up_too(user: User) -> None:  # noqa: F811
    ingest_id, message = asked(user)
    with transaction(user.workspace.id) as conn:
        conn.execute("UPDATE runbook_ingest SET status = 'working', attempts = %s", (MAX_ATTEMPTS,))
    take(user, message)
    assert state(user, ingest_id) == ("failed", GIVEN_UP.format(SILENT[:-1]))
    take(user, message)
    assert state(user, ingest_id) == ("done", None)


def test_what_somebody_reads_nobody_else_does(user: User) -> None:  # noqa: F811
    ingest_id, message = asked(user)
    with transaction(user.workspace.id) as conn:
        conn.execute(
            "UPDATE runbook_ingest SET status = 'working', claimed_until = now() + interval '1 minute'"
        )
    take(user, message)
    assert (state(user, ingest_id), user.model.asked) == (("working", None), 0)
    set_back(user, "claimed_until", 2)
    take(user, message)
    assert state(user, ingest_id) == ("done", None)


def test_a_reading_whose_last_reader_was_killed_is_handed_over_to_whoever_asks(user: User) -> None:  # noqa: F811
    ingest_id, _ = asked(user)
    with transaction(user.workspace.id) as conn:
        conn.execute("UPDATE runbook_ingest SET status = 'working', attempts = %s", (MAX_ATTEMPTS,))
    set_back(user, "handed_at", 20)
    set_back(user, "claimed_until", 9)
    assert (state(user, ingest_id), user.readings.messages) == (("working", None), []), "it may come yet"
    set_back(user, "claimed_until", 2)
    for _ in range(2):
        state(user, ingest_id)
    (message,) = user.readings.messages
    take(user, message)
    assert state(user, ingest_id)[0] == "failed"


def test_what_was_given_up_is_kept_as_long_as_its_dead_letter(user: User) -> None:  # noqa: F811
    ingest_id, message = asked(user)
    for _ in range(MAX_ATTEMPTS):
        with pytest.raises(EndpointUnavailableError):
            take(user, message, error=EndpointUnavailableError())
    user.read({"Other.md": "# Other\n\nWords."})
    assert payloads(user) == 1
    set_back(user, "finished_at", 15 * 24 * 60)
    user.read({"Other.md": "# Other\n\nWords."})
    assert payloads(user) == 0
    take(user, message)
    assert state(user, ingest_id) == ("failed", REASON)
