"""The Blobs port over S3 as the emulator and as moto model it."""

import io
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import httpx
import pytest
from moto import mock_aws

from sightline.errors import NotFoundError, UploadIncompleteError
from sightline.ports.objects import Blobs
from sightline.providers.s3 import S3Blobs
from sightline.providers.s3_reader import KEPT_RANGES, MOST_READ_BYTES, RangedReader

pytestmark = pytest.mark.contract

MIB = 1024**2


@pytest.fixture(params=["emulator", "moto"])
def s3(request: pytest.FixtureRequest) -> Iterator[Any]:
    """A client of either."""
    if request.param == "emulator":
        yield boto3.client("s3", endpoint_url=request.getfixturevalue("emulator"))
        return
    with mock_aws():
        yield boto3.client("s3")


@pytest.fixture
def bucket(s3: Any) -> str:
    name = f"blobs-{uuid4().hex[:12]}"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return name


@pytest.fixture
def blobs(s3: Any, bucket: str) -> Blobs:
    return S3Blobs(bucket, s3)


def test_what_is_put_is_read(blobs: Blobs) -> None:
    blobs.put("sheets/a.jpg", b"jpeg", content_type="image/jpeg")
    assert blobs.get("sheets/a.jpg") == b"jpeg"
    found = blobs.head("sheets/a.jpg")
    assert found is not None
    assert (found.size_bytes, found.content_type) == (4, "image/jpeg")
    assert found.version_id


def test_what_is_not_there_is_told_apart_from_failures(blobs: Blobs) -> None:
    assert blobs.head("nothing") is None
    with pytest.raises(NotFoundError):
        blobs.get("nothing")
    with pytest.raises(NotFoundError):
        blobs.open("nothing")
    with pytest.raises(NotFoundError):
        blobs.list_parts("nothing", upload_id="none")
    blobs.abort_multipart("nothing", upload_id="none")
    assert blobs.delete_prefix("nothing") == 0


def test_a_version_stays_readable_when_a_later_one_came(blobs: Blobs) -> None:
    blobs.put("source", b"first", content_type="video/mp4")
    first = blobs.head("source")
    blobs.put("source", b"second one", content_type="video/mp4")
    assert first is not None
    with blobs.open("source", version_id=first.version_id) as source:
        assert source.read() == b"first"
    with blobs.open("source") as source:
        assert source.read() == b"second one"


def test_a_prefix_goes_with_all_its_versions(blobs: Blobs, s3: Any, bucket: str) -> None:
    for _ in range(2):
        blobs.put("sheets/1/a.jpg", b"a", content_type="image/jpeg")
    blobs.put("sheets/1/b.jpg", b"b", content_type="image/jpeg")
    blobs.put("sheets/10/c.jpg", b"c", content_type="image/jpeg")
    s3.delete_object(Bucket=bucket, Key="sheets/1/b.jpg")  # leaves a delete marker
    assert blobs.delete_prefix("sheets/1/") == 4
    assert list(blobs.keys("sheets/")) == ["sheets/10/c.jpg"]
    left = s3.list_object_versions(Bucket=bucket, Prefix="sheets/1/")
    assert not left.get("Versions")
    assert not left.get("DeleteMarkers")


def test_parts_become_an_object(blobs: Blobs, s3: Any, bucket: str) -> None:
    upload_id = blobs.create_multipart("big", content_type="video/mp4")
    for number, size in ((2, MIB), (1, 5 * MIB)):
        s3.upload_part(
            Bucket=bucket, Key="big", UploadId=upload_id, PartNumber=number, Body=bytes([number]) * size
        )
    parts = blobs.list_parts("big", upload_id=upload_id)
    assert [(part.part_number, part.size_bytes) for part in parts] == [(1, 5 * MIB), (2, MIB)]
    with pytest.raises(UploadIncompleteError):
        blobs.complete_multipart("big", upload_id=upload_id, parts=[(1, '"00"'), (2, '"00"')])
    blobs.complete_multipart("big", upload_id=upload_id, parts=[(p.part_number, p.etag) for p in parts])
    found = blobs.head("big")
    assert found is not None
    assert (found.size_bytes, found.content_type) == (6 * MIB, "video/mp4")


def test_an_aborted_upload_is_gone(blobs: Blobs) -> None:
    upload_id = blobs.create_multipart("big", content_type="video/mp4")
    for _ in range(2):
        blobs.abort_multipart("big", upload_id=upload_id)
    with pytest.raises(NotFoundError):
        blobs.list_parts("big", upload_id=upload_id)


def test_a_reader_is_a_file(blobs: Blobs) -> None:
    data = bytes(range(256)) * 8192  # 2 MiB
    blobs.put("source", data, content_type="video/mp4")
    same = io.BytesIO(data)
    with blobs.open("source") as source:
        for offset, whence, length in [
            (0, io.SEEK_SET, 10),
            (700_000, io.SEEK_SET, 100_000),
            (-5, io.SEEK_END, 100),
            (-50, io.SEEK_CUR, 20),
            (10**9, io.SEEK_SET, 5),
            (0, io.SEEK_SET, -1),
        ]:
            assert source.seek(offset, whence) == same.seek(offset, whence)
            assert source.read(length) == same.read(length)
            assert source.tell() == same.tell()


def test_a_reader_fetches_only_what_it_needs(s3: Any, bucket: str) -> None:
    size = 24 * MIB
    s3.put_object(Bucket=bucket, Key="source", Body=bytes(size))
    reader = RangedReader(s3, bucket=bucket, key="source")
    reader.seek(20 * MIB)
    reader.read(1000)
    reader.seek(20 * MIB + 100_000)
    reader.read(1000)
    assert reader.requests == 1
    reader.seek(0)
    while reader.read(256 * 1024):
        pass
    # Doubling from half a MiB: 0.5 + 1 + 2 + 4 + 8 + 8 MiB, the rest in hand or once more.
    assert reader.requests <= 1 + 7
    assert KEPT_RANGES * MOST_READ_BYTES <= 48 * MIB


def test_signed_addresses_do_what_they_say(emulator: str) -> None:
    client = boto3.client("s3", endpoint_url=emulator)
    name = f"signed-{uuid4().hex[:12]}"
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    blobs = S3Blobs(name, client)
    put = blobs.presign_put("a/b", content_type="video/mp4", size_bytes=5, expires_s=60)
    assert httpx.put(put.url, content=b"hello", headers=put.headers).status_code == 200
    assert httpx.put(put.url, content=b"other", headers=put.headers).status_code == 412
    get = blobs.presign_get("a/b", expires_s=60, download_name='a "name"\r\nX: y/😀.mp4')
    answer = httpx.get(get.url)
    assert answer.content == b"hello"
    assert "\r" not in answer.headers.get("content-disposition", "")
    strange = "sheets/a b+~ü/1.jpg"
    blobs.put(strange, b"jpeg", content_type="image/jpeg")
    assert httpx.get(blobs.presign_get(strange, expires_s=60).url).content == b"jpeg"
    upload_id = blobs.create_multipart("big", content_type="video/mp4")
    part = blobs.presign_part("big", upload_id=upload_id, part_number=1, size_bytes=3, expires_s=60)
    etag = httpx.put(part.url, content=b"abc", headers=part.headers).headers["etag"]
    blobs.complete_multipart("big", upload_id=upload_id, parts=[(1, etag)])
    assert blobs.get("big") == b"abc"
