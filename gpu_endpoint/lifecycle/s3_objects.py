"""Objects in S3. Conditional writes are PutObject's If-Match and If-None-Match."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from boto3.exceptions import Boto3Error
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from gpu_endpoint.lifecycle.objects import Listed, MissingError, StaleWriteError, Stored, StoreError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

QUICK = Config(connect_timeout=2, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})
MISSING = frozenset({"NoSuchKey", "NoSuchBucket", "404"})
# 409 is what S3 says when two conditional writes meet at the same moment.
STALE = frozenset({"PreconditionFailed", "ConditionalRequestConflict"})


class S3Objects:
    """Implements Objects under one prefix of one bucket."""

    def __init__(self, bucket: str, prefix: str) -> None:
        self._bucket = bucket
        self._prefix = f"{prefix.strip('/')}/" if prefix.strip("/") else ""

    @cached_property
    def _client(self) -> S3Client:
        return boto3.client("s3", config=QUICK)

    def get(self, key: str) -> Stored | None:
        """The whole object."""
        try:
            with translated():
                answer = self._client.get_object(**self._at(key))
                return Stored(answer["Body"].read(), answer["ETag"])
        except MissingError:
            return None

    def put(self, key: str, body: bytes) -> str:
        """Writes whatever is there."""
        with translated():
            return self._client.put_object(**self._at(key), Body=body)["ETag"]

    def replace(self, key: str, body: bytes, *, etag: str | None) -> str:
        """Writes over one revision, or a new object."""
        condition: Any = {"IfMatch": etag} if etag else {"IfNoneMatch": "*"}
        try:
            with translated():
                return self._client.put_object(**self._at(key), Body=body, **condition)["ETag"]
        except MissingError as error:
            if etag is None:
                raise
            raise StaleWriteError(f"{key} is gone") from error

    def listed(self, prefix: str) -> Iterator[Listed]:
        """Objects under the prefix, with their age by S3's clock."""
        start = self._prefix + prefix
        try:
            with translated():
                for page in self._client.get_paginator("list_objects_v2").paginate(
                    Bucket=self._bucket, Prefix=start
                ):
                    now = clock(page)
                    for one in page.get("Contents", []):
                        age_s = (now - one["LastModified"]).total_seconds()
                        yield Listed(one["Key"].removeprefix(self._prefix), age_s)
        except MissingError:
            return

    def delete(self, key: str) -> None:
        """Removes an object, if it is there."""
        with translated():
            self._client.delete_object(**self._at(key))

    def fetch(self, key: str, target: Path) -> None:
        """In ranges, several at once."""
        with translated():
            self._client.download_file(self._bucket, self._prefix + key, str(target))

    def send(self, source: Path, key: str) -> None:
        """In parts when it is large."""
        with translated():
            self._client.upload_file(str(source), self._bucket, self._prefix + key)

    def _at(self, key: str) -> Any:
        return {"Bucket": self._bucket, "Key": self._prefix + key}


@contextmanager
def translated() -> Iterator[None]:
    """boto3's failures as ours."""
    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        kind = MissingError if code in MISSING else StaleWriteError if code in STALE else StoreError
        raise kind(f"S3 answered {code}") from error
    except (BotoCoreError, Boto3Error) as error:
        raise StoreError(f"S3 cannot be reached: {type(error).__name__}") from error


def clock(answer: Any) -> datetime:
    """When S3 answered, by its own clock."""
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(said) if said else datetime.now(UTC)
