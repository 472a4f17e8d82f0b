"""The Python client: repeats what is safe, renews itself, resumes, and says what failed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from client import (
    ApiError,
    NotFoundError,
    Sightline,
    StillIndexingError,
    StorageError,
    UnauthenticatedError,
    UnavailableError,
    UnreachableError,
)
from client.transport import Retry
from tests.fake_sightline import FakeSightline, Fault

pytestmark = pytest.mark.component
PART = 1000
CONTENT = bytes(range(256)) * 40  # ten and a quarter parts


class Waits(list[float]):
    """A clock that only notes how long was waited."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def server() -> Iterator[FakeSightline]:
    fake = FakeSightline()
    yield fake
    fake.close()


@pytest.fixture
def multipart() -> Iterator[FakeSightline]:
    fake = FakeSightline(part_size_bytes=PART)
    yield fake
    fake.close()


def connected(server: FakeSightline, waits: Waits, folder: Path) -> Sightline:
    server.store.users["ada@example.com"] = "pw"
    sightline = Sightline(server.url, config_dir=folder, retry=Retry(sleep=waits))
    sightline.accounts.login("ada@example.com", "pw")
    return sightline


@pytest.fixture
def sightline(server: FakeSightline, waits: Waits, tmp_path: Path) -> Iterator[Sightline]:
    with connected(server, waits, tmp_path / "config") as client:
        yield client


@pytest.fixture
def in_parts(multipart: FakeSightline, waits: Waits, tmp_path: Path) -> Iterator[Sightline]:
    with connected(multipart, waits, tmp_path / "config") as client:
        yield client


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / "drive.mp4"
    path.write_bytes(CONTENT)
    return path


def test_a_busy_service_is_asked_again_when_it_said(
    server: FakeSightline, sightline: Sightline, waits: Waits
) -> None:
    server.faults = [Fault("/v1/search", times=2, status=429, retry_after="7")]
    assert sightline.search("car").moments == []
    assert waits == [7.0, 7.0]


def test_without_a_hint_the_waits_are_random_below_a_doubling_bound(
    server: FakeSightline, sightline: Sightline, waits: Waits
) -> None:
    server.faults = [Fault("/v1/search", times=99)]
    with pytest.raises(UnavailableError) as caught:
        sightline.search("car")
    assert (caught.value.code, caught.value.status, caught.value.trace_id) == (
        "endpoint-unavailable",
        503,
        "t-1",
    )
    assert len(waits) == 4
    assert all(wait <= bound for wait, bound in zip(waits, [0.5, 1, 2, 4], strict=True))


def test_a_fault_of_the_server_is_not_repeated(
    server: FakeSightline, sightline: Sightline, waits: Waits
) -> None:
    server.faults = [Fault("/v1/search", times=1, status=500)]
    with pytest.raises(ApiError):
        sightline.search("car")
    assert waits == []


def test_creating_again_after_a_lost_answer_uses_the_same_key(
    server: FakeSightline, sightline: Sightline, video: Path
) -> None:
    server.faults = [Fault("/v1/assets", times=1, drop=True)]
    sightline.upload(video)
    keys = [
        call.headers["Idempotency-Key"]
        for call in server.calls
        if (call.method, call.path) == ("POST", "/v1/assets")
    ]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_an_old_token_is_renewed_and_kept(
    server: FakeSightline, sightline: Sightline, tmp_path: Path
) -> None:
    server.store.access_token = "access-changed"  # what we hold is no longer taken
    assert sightline.accounts.me().email == "ada@example.com"
    assert list(sightline.assets()) == []
    assert server.store.refreshes == 1
    with Sightline(server.url, config_dir=tmp_path / "config") as again:
        assert again.accounts.me().workspaces[0].id == "w-1"
    assert server.store.refreshes == 1


def test_a_refresh_token_that_is_not_taken_leaves_the_first_answer(
    server: FakeSightline, sightline: Sightline
) -> None:
    server.store.access_token = "changed"
    server.faults = [Fault("/v1/auth/refresh", times=1, status=401)]
    with pytest.raises(UnauthenticatedError):
        sightline.accounts.me()


def test_nothing_at_the_address_is_unreachable(tmp_path: Path, waits: Waits) -> None:
    gone = FakeSightline()
    gone.close()
    with (
        Sightline(gone.url, config_dir=tmp_path, retry=Retry(sleep=waits)) as sightline,
        pytest.raises(UnreachableError, match=gone.url),
    ):
        sightline.accounts.login("a@example.com", "pw")
    assert len(waits) == 2


def test_parts_arrive_whole_and_in_order_whatever_fails_between(
    multipart: FakeSightline, in_parts: Sightline, video: Path
) -> None:
    multipart.faults = [Fault("/storage", times=3, status=500), Fault("/storage", times=2, drop=True)]
    reported: list[tuple[int, int]] = []

    asset = in_parts.upload(video, on_bytes=lambda done, total: reported.append((done, total)))

    assert multipart.content(asset.id) == CONTENT
    assert reported[-1] == (len(CONTENT), len(CONTENT))
    assert in_parts.wait(asset.id).status == "ready"


def test_an_interrupted_upload_sends_only_what_is_missing(
    multipart: FakeSightline, in_parts: Sightline, video: Path, waits: Waits, tmp_path: Path
) -> None:
    def interrupt(done: int, _: int) -> None:
        if done >= 4 * PART:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_parts.upload(video, on_bytes=interrupt)
    [asset_id] = multipart.store.assets
    had = len(multipart.store.bytes_of.get(asset_id, {}))
    before = len(multipart.paths("PUT"))
    with Sightline(multipart.url, config_dir=tmp_path / "config", retry=Retry(sleep=waits)) as later:
        asset = later.upload(video)

    assert asset.id == asset_id
    assert multipart.content(asset_id) == CONTENT
    assert len(multipart.paths("PUT")) - before == 11 - had


@pytest.mark.parametrize("status", [404, 409, 410])
def test_an_upload_that_is_gone_begins_anew(
    server: FakeSightline, sightline: Sightline, video: Path, status: int
) -> None:
    server.faults = [Fault("/storage", times=1, status=400)]
    with pytest.raises(StorageError):
        sightline.upload(video)
    [gone] = server.store.assets
    server.faults = [Fault(f"/v1/assets/{gone}", times=1, status=status)]

    asset = sightline.upload(video)

    assert asset.id != gone
    assert server.content(asset.id) == CONTENT


def test_addresses_that_ran_out_are_asked_for_again(
    multipart: FakeSightline, in_parts: Sightline, video: Path
) -> None:
    def expire(done: int, _: int) -> None:
        if done >= 5 * PART and multipart.store.epoch == 0:
            multipart.store.epoch = 1

    asset = in_parts.upload(video, on_bytes=expire)
    assert multipart.content(asset.id) == CONTENT
    assert len([path for path in multipart.paths("POST") if path.endswith("/parts")]) >= 2


def test_a_single_put_asks_for_a_fresh_address_once(
    server: FakeSightline, sightline: Sightline, video: Path
) -> None:
    server.faults = [Fault("/storage", times=1, status=403)]
    asset = sightline.upload(video)
    assert server.content(asset.id) == CONTENT
    server.faults = [Fault("/storage", times=2, status=403)]
    video.write_bytes(CONTENT[:-1])
    with pytest.raises(StorageError, match="fresh"):
        sightline.upload(video)


def test_waiting_ends_when_it_was_told_to(server: FakeSightline, sightline: Sightline, video: Path) -> None:
    asset = sightline.upload(video)
    with pytest.raises(StillIndexingError):
        sightline.wait(asset.id, timeout_s=-1)


def test_another_workspace_s_id_is_not_found(sightline: Sightline) -> None:
    with pytest.raises(NotFoundError) as caught:
        sightline.asset("019a0000-0000-7000-8000-000000000000")
    assert (caught.value.status, caught.value.code) == (404, "not-found")
