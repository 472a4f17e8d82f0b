"""The command `sightline` as a user and as a script drive it, against a server of the documented API."""

import json
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from client.cli import run
from tests.fake_sightline import COLOURS, FakeSightline, Fault

pytestmark = pytest.mark.component


@dataclass
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Sightline = Callable[..., Result]


@pytest.fixture
def server() -> Iterator[FakeSightline]:
    fake = FakeSightline()
    yield fake
    fake.close()


@pytest.fixture
def sightline(
    server: FakeSightline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Sightline:
    """Runs a command line with a configuration of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SIGHTLINE_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("SIGHTLINE_API_URL", server.url)
    monkeypatch.setenv("SIGHTLINE_PASSWORD", "Correct-horse-1")
    monkeypatch.setenv("COLUMNS", "120")

    def call(*arguments: str) -> Result:
        code = run(arguments)
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def signed_in(sightline: Sightline) -> Sightline:
    assert sightline("register", "ada@example.com", "--code", "123456").code == 0
    return sightline


def a_file(folder: Path, name: str = "drive.mp4", content: bytes = b"frames " * 10_000) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


def test_register_confirms_signs_in_and_keeps_the_tokens_for_the_owner_alone(
    sightline: Sightline, tmp_path: Path
) -> None:
    registered = sightline("register", "ada@example.com", "--code", "123456")

    assert (registered.code, registered.out) == (0, "")
    assert "ada@example.com" in registered.err
    kept = tmp_path / "config" / "credentials.json"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(kept.parent.stat().st_mode) == 0o700
    assert "Correct-horse-1" not in kept.read_text()


def test_without_a_terminal_register_says_how_to_confirm(sightline: Sightline) -> None:
    assert "sightline confirm ada@example.com CODE" in sightline("register", "ada@example.com").err
    assert sightline("confirm", "ada@example.com", "123456").code == 0
    assert sightline("login", "ada@example.com", "--json").json["email"] == "ada@example.com"


def test_a_forgotten_password_is_replaced_by_code(
    signed_in: Sightline, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert signed_in("resend-code", "ada@example.com", "--json").json["requested"] is True
    asked = signed_in("reset-password", "ada@example.com")
    assert "reset-password ada@example.com --code CODE" in asked.err
    monkeypatch.setenv("SIGHTLINE_PASSWORD", "Another-horse-2")
    assert signed_in("reset-password", "ada@example.com", "--code", "000000").code == 1
    reset = signed_in("reset-password", "ada@example.com", "--code", "123456", "--json")
    assert reset.json["email"] == "ada@example.com"
    assert signed_in("login", "ada@example.com").code == 0


def test_this_machine_is_reached_past_a_proxy(signed_in: Sightline, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert signed_in("whoami").code == 0


def test_a_wrong_password_is_exit_3_and_a_taken_address_exit_1(
    signed_in: Sightline, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken = signed_in("register", "ada@example.com")
    assert (taken.code, "has an account" in taken.err) == (1, True)
    monkeypatch.setenv("SIGHTLINE_PASSWORD", "wrong")
    refused = signed_in("login", "ada@example.com")
    assert (refused.code, "password is wrong" in refused.err) == (3, True)


def test_without_a_sign_in_nothing_is_sent(sightline: Sightline, server: FakeSightline) -> None:
    refused = sightline("assets", "--json")

    assert (refused.code, server.calls) == (3, [])
    assert refused.json["error"]["code"] == "not-signed-in"


def test_whoami_marks_the_workspace_in_use(signed_in: Sightline) -> None:
    lines = signed_in("whoami").out.splitlines()
    assert [line.split() for line in lines[1:]] == [["*", "Ada's", "admin", "w-1"], ["Team", "viewer", "w-2"]]
    assert signed_in("--workspace", "w-2", "whoami", "--json").json["workspace_id"] == "w-2"


def test_logout_forgets(signed_in: Sightline) -> None:
    assert signed_in("logout").code == 0
    assert signed_in("whoami").code == 3


def test_upload_waits_until_searchable(signed_in: Sightline, server: FakeSightline, tmp_path: Path) -> None:
    about = ["--meta", "route=A9", "--meta", "lanes:=3", "--tag", "wet", "--interval", "0.5"]
    done = signed_in("upload", a_file(tmp_path), *about, "--wait", "--json")

    assert done.code == 0
    [asset] = done.json["items"]
    assert asset["status"] == "ready"
    assert server.content(asset["id"]) == b"frames " * 10_000
    assert (asset["metadata"], asset["tags"]) == ({"route": "A9", "lanes": 3}, ["wet"])
    assert (asset["content_type"], asset["interval_s"]) == ("video/mp4", 0.5)


def test_what_cannot_be_indexed_is_exit_6_with_the_reason(signed_in: Sightline, tmp_path: Path) -> None:
    failed = signed_in("upload", a_file(tmp_path, "notes.mp4", b"not a video"), "--wait")

    assert failed.code == 6
    assert "notes.mp4: The file cannot be decoded as a video." in failed.err


def test_a_missing_file_is_wrong_usage(signed_in: Sightline) -> None:
    assert signed_in("upload", "no-such.mp4").code == 2
    assert signed_in("upload").code == 2
    assert signed_in("search", "car", "--filter", "no-equals-sign").code == 2
    assert signed_in("search", "car", "--filter", "lanes:=three").code == 2


def test_assets_lists_every_page_shows_one_and_deletes(
    signed_in: Sightline, server: FakeSightline, tmp_path: Path
) -> None:
    names = ["one.mp4", "two [bold].webm", "\N{OWL} three.mkv"]
    signed_in("upload", *(a_file(tmp_path, name, name.encode()) for name in names), "--tag", "wet", "--wait")

    listed = signed_in("assets", "--json").json["items"]
    assert [asset["name"] for asset in listed] == names
    assert [asset["content_type"] for asset in listed] == ["video/mp4", "video/webm", "video/x-matroska"]
    table = signed_in("assets", "--tag", "wet").out
    assert all(name in table for name in names)
    assert signed_in("assets", "--status", "failed", "--json").json["items"] == []
    none = signed_in("assets", "--status", "failed")
    assert none.out == ""
    assert "sightline upload" in none.err
    shown = signed_in("assets", "show", listed[1]["id"]).out
    assert "two [bold].webm" in shown
    assert "1:01" in shown
    change = ("--captured", "2026-03-01T22:00:00Z", "--tag", "late")
    changed = signed_in("assets", "change", listed[1]["id"], *change).out
    assert ("2026-03-01 22:00:00 UTC" in changed, "late" in changed) == (True, True)
    assert signed_in("assets", "change", listed[1]["id"]).code == 2
    assert signed_in("assets", "delete", listed[1]["id"], "--yes").code == 0
    missing = signed_in("assets", "show", listed[1]["id"])
    assert (missing.code, "nothing here" in missing.err) == (4, True)


def test_a_question_in_pictures_and_steps_is_sent_as_it_was_asked(
    signed_in: Sightline, server: FakeSightline, tmp_path: Path
) -> None:
    Image.new("RGB", (40, 30), (9, 9, 9)).save(tmp_path / "cut-in.png")
    asset = "0193a1b2-0000-7000-8000-0000000000a1"
    asked = signed_in(
        "search", "kerb", "--image", "cut-in.png", "--like", f"{asset}@1-2.5", "--then", "road",
        "--within", "3", "--not", "rain", "--filter", "speed>=80", "--filter", "tag:wet", "--words", "A9",
        "--collapse", "alike",
    )  # fmt: skip
    assert asked.code == 0, asked.err
    sent = json.loads(next(call for call in server.calls if call.path == "/v1/search").body)
    assert len(sent.pop("image")["data"]) > 100
    assert sent == {
        "text": "kerb",
        "example": {"asset_id": asset, "start_s": 1.0, "end_s": 2.5},
        "then": [{"text": "road", "within_s": 3.0}],
        "not": ["rain"],
        "filters": {"tags": ["wet"], "metadata": {"speed": {"gte": 80}}},
        "words": "A9",
        "collapse": ["alike"],
        "limit": 10,
    }
    assert signed_in("search").code == 2
    assert signed_in("search", "car", "--like", "nothing").code == 2


def test_a_search_is_refined_and_acted_on(
    signed_in: Sightline, server: FakeSightline, tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"a video")
    signed_in("upload", "a.mp4", "--wait")
    server.store.moments = 3
    asset = "0193a1b2-0000-7000-8000-0000000000a1"
    refined = signed_in("searches", "refine", "s-1", "--more", "1-2", "--less", "3", "--less", f"{asset}@7.5")
    assert refined.code == 0, refined.err
    sent = json.loads(server.calls[-1].body)
    assert [frame["time_s"] for frame in sent["less"]] == [14.0, 7.5]
    assert (len(sent["more"]), sent["limit"]) == (2, 10)
    paths = [call.path for call in server.calls]
    assert paths[-2:] == ["/v1/searches/s-1", "/v1/searches/s-1/refine"], "no round is asked but to refine"
    shown = signed_in("searches", "show", "s-1")
    assert shown.out.splitlines()[3].split()[:2] == ["3", "a.mp4"], shown.out
    assert signed_in("searches", "refine", "s-1", "--more", "9").code == 2
    assert signed_in("searches", "refine", "s-1").code == 2
    rounds = signed_in("searches", "session", "s-1", "--json").json["rounds"]
    assert [one["more"] for one in rounds] == [0, 2]
    begun = signed_in("searches", "act", "s-1", "--tag", "night", "--relevance", "0.8", "--json")
    assert json.loads(server.calls[-1].body) == {"action": "tag", "tags": ["night"], "min_relevance": 0.8}
    assert begun.json["status"] == "queued"
    done = signed_in("searches", "act", "s-1", "--tag", "night", "--wait")
    assert "tag: done, 100 %; 12 results in 4 videos, 3 changed" in done.out.replace("100%", "100 %")
    assert signed_in("searches", "act", "s-1").code == 2
    assert signed_in("searches", "action", "j-1", "--cancel", "--json").json["status"] == "cancelled"


def test_it_is_said_when_nothing_was_found_for_sure(
    signed_in: Sightline, server: FakeSightline, tmp_path: Path
) -> None:
    (tmp_path / "a.mp4").write_bytes(b"a video")
    signed_in("upload", "a.mp4", "--wait")
    server.store.moments = 1
    unicorn, car = (signed_in("search", text) for text in ("a unicorn", "a car"))
    assert "Nothing relevant found: why. The closest:" in unicorn.err
    assert "Nothing relevant" not in car.err
    # what stands out without being it is not called relevant
    assert ("stands out" in unicorn.out, "relevance" in unicorn.out) == (True, False)
    assert "relevance" in car.out
    # what is usual is found, and why it does not stand out is said
    street = signed_in("search", "a street")
    assert ("Why." in street.err, "Nothing relevant" in street.err, "relevance" in street.out) == (
        True,
        False,
        True,
    )


def test_search_prints_ranked_moments_and_draws_their_frames(
    signed_in: Sightline, server: FakeSightline, tmp_path: Path
) -> None:
    signed_in("upload", a_file(tmp_path), "--wait")

    found = signed_in("search", "truck ahead", "--filter", "route=A9", "--picture", "found.png")

    assert found.code == 0
    rows = [line.split() for line in found.out.splitlines()[1:3]]
    assert rows[0] == ["1", "drive.mp4", "0:12", "-", "0:17", "87", "%"]
    assert rows[1] == ["2", "drive.mp4", "0:13", "-", "0:17", "77", "%"]
    assert "exact search of 61 frames, 4 ms, model scenes-rn-128e" in found.out
    assert json.loads(server.calls[-2].body)["filters"] == {"metadata": {"route": "A9"}}
    with Image.open("found.png") as picture:
        colours = set(zip(*(band.tobytes() for band in picture.split()), strict=True))
    assert all(near(colours, colour) for colour in COLOURS[1:3])
    assert not near(colours, COLOURS[3])


def near(colours: set[tuple[int, ...]], wanted: tuple[int, int, int]) -> bool:
    """JPEG moves colours a little."""
    return any(sum(abs(a - b) for a, b in zip(colour, wanted, strict=True)) < 12 for colour in colours)


def test_finding_nothing_is_no_failure(signed_in: Sightline) -> None:
    nothing = signed_in("search", "a unicorn", "--picture", "found.png")
    assert (nothing.code, nothing.out) == (0, "")
    assert "Nothing found" in nothing.err
    assert Path("found.png").exists()


def test_a_key_is_shown_once_and_serves_instead_of_a_sign_in(
    signed_in: Sightline, server: FakeSightline, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = signed_in("keys", "create", "nightly import", "--role", "editor").out.strip()
    assert key not in signed_in("keys").out

    monkeypatch.setenv("SIGHTLINE_API_KEY", key)
    assert signed_in("assets").code == 0
    assert server.calls[-1].headers["X-Workspace-Id"] == "w-key"
    [listed] = signed_in("keys", "--json").json["items"]
    monkeypatch.delenv("SIGHTLINE_API_KEY")
    assert signed_in("keys", "revoke", listed["id"]).code == 0
    assert signed_in("keys", "revoke", listed["id"]).code == 4


def test_a_service_that_stays_down_is_exit_5_with_its_trace(
    signed_in: Sightline, server: FakeSightline
) -> None:
    server.faults = [Fault("/v1/search", times=99, retry_after="0")]
    down = signed_in("search", "car")
    assert (down.code, "The model does not answer." in down.err, "t-1" in down.err) == (5, True, True)


def test_no_address_is_exit_5_and_says_what_to_do(
    sightline: Sightline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SIGHTLINE_API_URL")
    lost = sightline("assets")
    assert (lost.code, "sightline up" in lost.err) == (5, True)


@pytest.mark.parametrize(
    "command",
    [
        *("", "up", "down", "demo", "register", "confirm", "login", "logout", "whoami"),
        *(
            "keys",
            "keys create",
            "keys revoke",
            "upload",
            "assets",
            "assets show",
            "assets change",
            "assets delete",
            "search",
        ),
    ],
)
def test_every_command_explains_itself_and_its_options(sightline: Sightline, command: str) -> None:
    shown = sightline(*command.split(), "--help")
    assert shown.code == 0
    assert "Usage: sightline" in shown.out
    if command not in ("", "up", "down"):
        assert "--json" in shown.out
