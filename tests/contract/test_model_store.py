"""Objects with conditional writes: what S3, the emulator's S3 and a folder must all do."""

import json
import resource
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import boto3
import pytest

from gpu_endpoint.lifecycle.folder_objects import FolderObjects
from gpu_endpoint.lifecycle.objects import (
    MissingError,
    Objects,
    StaleWriteError,
    Stored,
    StoreError,
    open_objects,
)
from gpu_endpoint.lifecycle.s3_objects import S3Objects

pytestmark = pytest.mark.contract

WRITERS, TURNS = 6, 10


@pytest.fixture(params=["s3", "folder"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Objects]:
    if request.param == "folder":
        yield FolderObjects(tmp_path / "store")
        return
    url = request.getfixturevalue("emulator")
    monkeypatch = request.getfixturevalue("monkeypatch")
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    bucket = f"models-{uuid4().hex}"
    client = boto3.client("s3")
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    client.close()
    yield S3Objects(bucket, "models")


def test_what_was_put_is_read_and_what_was_not_is_none(objects: Objects) -> None:
    assert objects.get("a.json") is None
    etag = objects.put("a.json", b"one")
    stored = objects.get("a.json")
    assert stored is not None
    assert (stored.body, stored.etag) == (b"one", etag)
    objects.delete("a.json")
    objects.delete("a.json")
    assert objects.get("a.json") is None


def test_a_write_succeeds_only_over_what_was_read(objects: Objects) -> None:
    first = objects.replace("state.json", b"1", etag=None)
    with pytest.raises(StaleWriteError):
        objects.replace("state.json", b"other", etag=None)
    second = objects.replace("state.json", b"2", etag=first)
    with pytest.raises(StaleWriteError):
        objects.replace("state.json", b"other", etag=first)
    stored = objects.get("state.json")
    assert stored is not None
    assert (stored.body, stored.etag) == (b"2", second)
    with pytest.raises(StaleWriteError):
        objects.replace("gone.json", b"1", etag=first)


def test_of_many_writers_at_once_no_step_is_lost(objects: Objects) -> None:
    objects.put("count.json", b"{}")

    def count(writer: int) -> int:
        lost = done = 0
        while done < TURNS:
            stored = objects.get("count.json")
            assert stored is not None
            counts = Counter(json.loads(stored.body))
            counts[str(writer)] += 1
            try:
                objects.replace("count.json", json.dumps(counts).encode(), etag=stored.etag)
                done += 1
            except StaleWriteError:
                lost += 1
        return lost

    with ThreadPoolExecutor(WRITERS) as pool:
        list(pool.map(count, range(WRITERS)))
    stored = objects.get("count.json")
    assert stored is not None
    assert json.loads(stored.body) == {str(writer): TURNS for writer in range(WRITERS)}


def test_a_listing_knows_keys_and_ages(objects: Objects) -> None:
    for key in ("containers/a.json", "containers/b.json", "breaches/x/1.json"):
        objects.put(key, b"{}")
    listed = {one.key: one.age_s for one in objects.listed("containers/")}
    assert set(listed) == {"containers/a.json", "containers/b.json"}
    assert all(-2 < age_s < 30 for age_s in listed.values())


def test_files_go_in_and_come_out(objects: Objects, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(b"weights" * 1000)
    objects.send(source, "artifacts/abc")
    objects.fetch("artifacts/abc", target)
    assert target.read_bytes() == source.read_bytes()
    with pytest.raises(MissingError):
        objects.fetch("artifacts/none", tmp_path / "other")


@contextmanager
def full_disk() -> Iterator[None]:
    """A limit on the size of files stands in for the disk's end: a write fails in the same place."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_a_folder_as_it_was(tmp_path: Path) -> None:
    store, source = tmp_path / "store", tmp_path / "source"
    objects = FolderObjects(store)
    source.write_bytes(b"weights" * 1000)
    etag = objects.put("desired.json", b"1")
    with full_disk():
        for write in (
            lambda: objects.put("desired.json", source.read_bytes()),
            lambda: objects.replace("desired.json", source.read_bytes(), etag=etag),
            lambda: objects.send(source, "artifacts/abc"),
        ):
            with pytest.raises(StoreError, match="no space is left"):
                write()
    assert [path.name for path in store.rglob("*") if path.is_file() and path.name != ".lock"] == [
        "desired.json"
    ]
    assert objects.get("desired.json") == Stored(b"1", etag)


def test_a_folder_that_cannot_be_read_or_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    objects = FolderObjects(tmp_path / "file")
    for work in (
        lambda: objects.get("desired.json"),
        lambda: objects.put("desired.json", b""),
        lambda: objects.replace("desired.json", b"", etag=None),
        lambda: objects.delete("desired.json"),
    ):
        with pytest.raises(StoreError, match=str(tmp_path)):
            work()


def test_a_store_that_is_not_there_says_so(monkeypatch: pytest.MonkeyPatch, emulator: str) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator)
    objects = open_objects(f"s3://no-such-bucket-{uuid4().hex}/models")
    assert objects.get("desired.json") is None
    assert list(objects.listed("containers/")) == []
    with pytest.raises(MissingError):
        objects.put("desired.json", b"{}")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(StoreError, match="cannot be reached"):
        open_objects("s3://bucket/models").get("desired.json")
    with pytest.raises(StoreError, match="a folder"):
        open_objects("https://example.org/models")
