"""`sightline runbooks` and `sightline ask` against the shipped routes, the document model and the writer."""

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from client.cli import run
from sightline.errors import EndpointRefusedError
from tests.component.conftest import member_of
from tests.component.test_runbooks import (  # noqa: F401 - fixtures
    FILES,
    Broken,
    Held,
    User,
    encoder,
    incident_of,
    user,
)
from tests.gateway import serving

pytestmark = pytest.mark.component

Command = Callable[..., Any]
LAG, EXPIRES = "db/PostgresReplicationLag.md", "tls/CertificateExpiresSoon.md"


class AtOnce(Held):
    """A queue whose function runs as soon as something is sent."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__()
        self._work = work

    def send(self, message: Mapping[str, Any]) -> None:
        super().send(message)
        self._work()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Runbooks in folders, beside what is none."""
    root = tmp_path / "runbooks"
    for path, text in FILES.items():
        (root / path).parent.mkdir(parents=True)
        (root / path).write_text(text)
    (root / "LICENSE").write_text("not a runbook")
    return root


@pytest.fixture
def sightline(
    user: User,  # noqa: F811 - the fixture
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Command]:
    """Runs `sightline ... --json` and answers what it printed."""

    def command(*words: str, code: int = 0, plain: bool = False) -> Any:
        capsys.readouterr()
        assert run([*words] if plain else [*words, "--json"]) == code
        printed = capsys.readouterr()
        return printed.out + printed.err if plain else json.loads(printed.out)

    user.readings, user.questions = AtOnce(user.take_readings), AtOnce(user.take_questions)
    with serving(user.handler, member_of(user.workspace)) as url:
        monkeypatch.setenv("SIGHTLINE_API_URL", url)
        monkeypatch.setenv("SIGHTLINE_API_KEY", "slk_tests")
        monkeypatch.setenv("SIGHTLINE_WORKSPACE_ID", str(user.workspace.id))
        monkeypatch.setenv("SIGHTLINE_CONFIG_DIR", str(tmp_path / "config"))
        monkeypatch.setenv("COLUMNS", "200")  # long paths do not break what errors say
        yield command


def test_a_folder_is_read_and_what_vanished_from_it_goes(sightline: Command, folder: Path) -> None:
    done = sightline("runbooks", "add", str(folder))
    assert (done["status"], done["runbooks"]["added"]) == ("done", 2)
    (folder / LAG).unlink()
    (folder / "tls" / "blank.md").write_text(" ")
    told = sightline("runbooks", "add", str(folder), plain=True)
    assert "done: 0 added, 0 changed, 1 unchanged, 1 deleted." in told
    assert "refused tls/blank.md" in told
    (empty := folder / "db").mkdir(exist_ok=True)
    assert "no .md file" in sightline("runbooks", "add", str(empty), code=2, plain=True)


def test_a_reading_that_fails_says_why_and_its_code_does_too(
    sightline: Command,
    folder: Path,
    user: User,  # noqa: F811 - the fixture
) -> None:
    user.model = Broken(EndpointRefusedError("It is no text."))  # type: ignore[assignment]
    told = sightline("runbooks", "add", str(folder), code=1)
    assert (told["status"], told["failure"]) == ("failed", "It is no text.")
    shown = sightline("runbooks", "add", str(folder), code=1, plain=True)
    assert "failed: 0 added" in shown
    assert "It is no text." in shown


def test_runbooks_are_listed_and_removed_by_path_or_id(sightline: Command, folder: Path) -> None:
    for collection in ("ours", "theirs"):
        sightline("runbooks", "add", str(folder), "--collection", collection)
    assert {one["path"] for one in sightline("runbooks", "list")["items"]} == {LAG, EXPIRES}
    assert LAG in sightline("runbooks", "list", plain=True)
    assert "say which" in sightline("runbooks", "remove", LAG, code=2, plain=True)
    gone = sightline("runbooks", "remove", LAG, "--collection", "ours")
    (left,) = sightline("runbooks", "list", "--collection", "ours")["items"]
    assert left["path"] == EXPIRES
    assert "Removed" in sightline("runbooks", "remove", left["id"], plain=True)
    assert {one["collection"] for one in sightline("runbooks", "list")["items"]} == {"theirs"}
    assert "no runbook nowhere.md" in sightline("runbooks", "remove", "nowhere.md", code=2, plain=True)
    assert sightline("runbooks", "remove", gone["id"], code=4)["error"]["code"] == "not-found"


def test_a_question_is_answered_with_where_it_is_written(sightline: Command, folder: Path) -> None:
    sightline("runbooks", "add", str(folder))
    question = "The standby of our database is behind, what do I do?"
    answer = sightline("ask", question)
    assert answer["status"] == "answered"
    assert {place["path"] for one in answer["sentences"] for place in one["citations"]} == {LAG}
    shown = sightline("ask", question, plain=True)
    assert "Cancel the longest query on the standby." in shown
    assert f"{LAG}, Mitigation, line" in shown
    chairs = "Who orders new chairs for the office kitchen?"
    assert sightline("ask", chairs, plain=True).strip() == "The runbooks do not say."


def test_a_zip_and_a_bucket_are_read_as_a_folder_is(
    sightline: Command,
    folder: Path,
    user: User,  # noqa: F811 - the fixture
    set_settings: Callable[..., None],
) -> None:
    set_settings(import_buckets="our-runbooks/docs/")
    user.bucket.objects = {f"docs/{path}": text.encode() for path, text in FILES.items()}
    packed = shutil.make_archive(str(folder), "zip", folder)
    for place in (packed, "s3://our-runbooks/docs/"):
        assert sightline("runbooks", "add", place)["runbooks"]["added"] == 2 * (place == packed)
        assert len(sightline("runbooks", "list")["items"]) == 2
    user.bucket.objects.popitem()
    assert sightline("runbooks", "add", "s3://our-runbooks/docs/")["runbooks"]["deleted"] == 1
    assert "no .md file in nowhere" in sightline("runbooks", "add", "nowhere", code=2, plain=True)


def test_answers_are_judged_and_the_judgements_reported(sightline: Command, folder: Path) -> None:
    sightline("runbooks", "add", str(folder))
    told = sightline("ask", "The standby of our database is behind, what do I do?", plain=True)
    answer_id, conversation = (
        re.search(f"{word} ([0-9a-f-]{{36}})", told) for word in ("feedback", "conversation")
    )
    assert answer_id
    assert conversation
    assert sightline("runbooks", "feedback", answer_id[1], "wrong", "--note", "no")["verdict"] == "wrong"
    assert (
        sightline("runbooks", "feedback", answer_id[1], "useful", "--note", "it [was]")["note"] == "it [was]"
    )
    report = sightline("runbooks", "feedback")
    assert (report["useful"], report["wrong"]) == (1, 0)
    shown = sightline("runbooks", "feedback", plain=True)
    assert LAG in shown
    assert "useful: it [was]" in shown
    assert "say useful or wrong" in sightline("runbooks", "feedback", answer_id[1], code=2, plain=True)
    follow = sightline("ask", "and then?", "--conversation", conversation[1])
    assert follow["subject"].startswith("The standby")


def test_an_incidents_alerts_join_the_question(
    sightline: Command,
    folder: Path,
    user: User,  # noqa: F811 - the fixture
) -> None:
    sightline("runbooks", "add", str(folder))
    incident_id = incident_of(user, "[FIRING:1] CertificateExpiresSoon gateway")
    answer = sightline("ask", "what do I do first?", "--incident", incident_id)
    assert answer["conversation"] == incident_id
    assert {place["path"] for one in answer["sentences"] for place in one["citations"]} == {EXPIRES}
