"""What the client keeps, where it calls, and in which order it looks."""

import json
import os
import stat
import time
from pathlib import Path

import pytest

from client.credentials import Credentials, SignIn, UnfinishedUploads
from client.errors import NoAddressError
from client.session import find_api_url

pytestmark = pytest.mark.unit
ONE, OTHER = "https://one.example.com", "https://other.example.com"


def sign_in(email: str = "ada@example.com", lasts_s: float = 3600) -> SignIn:
    return SignIn(email=email, access_token="a", refresh_token="r", expires_at=time.time() + lasts_s)


def test_sign_ins_are_kept_by_address_for_their_owner_alone(tmp_path: Path) -> None:
    credentials = Credentials(tmp_path / "sightline")
    credentials.put(ONE, sign_in("ada@example.com"))
    credentials.put(OTHER, sign_in("bob@example.com"))

    again = Credentials(tmp_path / "sightline")
    assert [kept.email for url in (ONE, OTHER) if (kept := again.get(url))] == [
        "ada@example.com",
        "bob@example.com",
    ]
    assert again.last_api_url() == OTHER
    assert stat.S_IMODE(again.path.stat().st_mode) == 0o600
    assert [file.name for file in again.path.parent.iterdir()] == ["credentials.json"]
    again.forget(OTHER)
    assert again.get(OTHER) is None
    assert again.get(ONE) is not None


def test_a_broken_file_is_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "credentials.json").write_text('{"sign_ins": ')
    assert Credentials(tmp_path).get(ONE) is None
    Credentials(tmp_path).put(ONE, sign_in())
    assert Credentials(tmp_path).get(ONE) is not None


def test_a_token_is_renewed_a_minute_before_it_ends() -> None:
    assert sign_in(lasts_s=30).is_old()
    assert not sign_in(lasts_s=90).is_old()


def test_the_address_is_the_first_that_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    credentials = Credentials(tmp_path / "config")
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path))
    with pytest.raises(NoAddressError, match="sightline up"):
        find_api_url(None, credentials)
    credentials.put(ONE, sign_in())
    assert find_api_url(None, credentials) == ONE
    (tmp_path / "cloud.json").write_text(json.dumps({"pid": os.getpid(), "api_url": "http://127.0.0.1:8420"}))
    assert find_api_url(None, credentials) == "http://127.0.0.1:8420"
    monkeypatch.setenv("SIGHTLINE_API_URL", OTHER)
    assert find_api_url(None, credentials) == OTHER
    assert find_api_url("https://given.example.com/", credentials) == "https://given.example.com"


def test_a_local_cloud_that_was_killed_is_not_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGHTLINE_HOME", str(tmp_path))
    nobody = 2**22 + 1  # above the highest process id that Linux gives
    (tmp_path / "cloud.json").write_text(json.dumps({"pid": nobody, "api_url": "http://127.0.0.1:8420"}))
    with pytest.raises(NoAddressError):
        find_api_url(None, Credentials(tmp_path / "config"))


def test_an_unfinished_upload_is_remembered_until_it_is_done(tmp_path: Path) -> None:
    UnfinishedUploads(tmp_path).put("file", "asset-1")
    assert UnfinishedUploads(tmp_path).get("file") == "asset-1"
    UnfinishedUploads(tmp_path).forget("file")
    assert UnfinishedUploads(tmp_path).get("file") is None
