"""Objects in other buckets, listed, and copied by S3 itself: no byte of a video passes through here."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from sightline.errors import NotFoundError, SourceRefusedError
from sightline.ports.objects import SourceObject

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

GIB = 1024**3
ONE_COPY_BYTES = 5 * GIB
"""CopyObject's own limit: https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html"""
PART_BYTES = GIB
PARTS_AT_ONCE = 8
_GONE = frozenset({"404", "NoSuchKey", "NotFound"})
_CHANGED = frozenset({"412", "PreconditionFailed"})
_DENIED = frozenset({"403", "AccessDenied", "AllAccessDisabled", "KMS.DisabledException"})
_ARCHIVED = frozenset({"InvalidObjectState"})


class S3Sources:
    """Other buckets as imports see them; copies go to the media bucket."""

    def __init__(
        self, target_bucket: str, client: "S3Client | None" = None, *, one_copy_bytes: int = ONE_COPY_BYTES
    ) -> None:
        self._target = target_bucket
        self._one_copy_bytes = one_copy_bytes
        self._s3: S3Client = client or boto3.client(
            "s3",
            config=Config(
                signature_version="s3v4",
                read_timeout=300,  # a copy answers when it is done
                retries={"mode": "standard", "max_attempts": 4},
            ),
        )

    def page(self, bucket: str, *, prefix: str, after: str, limit: int) -> list[SourceObject]:
        try:
            answer = self._s3.list_objects_v2(Bucket=bucket, Prefix=prefix, StartAfter=after, MaxKeys=limit)
        except ClientError as error:
            raise _translated(error) from error
        return [
            SourceObject(found["Key"], found["ETag"], found["Size"], found.get("StorageClass", "STANDARD"))
            for found in answer.get("Contents", [])
        ]

    def look(self, bucket: str, key: str) -> SourceObject | None:
        try:
            found = self._s3.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            # Without the right to list, S3 answers 403 when asked about a key that is not there.
            if _code(error) in _GONE | _DENIED:
                return None
            raise
        return SourceObject(
            key, found["ETag"], found["ContentLength"], found.get("StorageClass") or "STANDARD"
        )

    def read(self, bucket: str, key: str, *, max_bytes: int) -> bytes:
        try:
            body = self._s3.get_object(Bucket=bucket, Key=key)["Body"]
        except ClientError as error:
            raise _translated(error) from error
        with body:
            return body.read(max_bytes)

    def copy(self, bucket: str, source: SourceObject, *, to: str, content_type: str) -> None:
        wanted: dict[str, Any] = {
            "CopySource": {"Bucket": bucket, "Key": source.key},
            "CopySourceIfMatch": source.etag,
        }
        try:
            if source.size_bytes <= self._one_copy_bytes:
                self._s3.copy_object(
                    Bucket=self._target,
                    Key=to,
                    ContentType=content_type,
                    # Neither metadata nor tags come along: reading tags would need a permission of its own.
                    MetadataDirective="REPLACE",
                    TaggingDirective="REPLACE",
                    **wanted,
                )
            else:
                self._copy_parts(source, to=to, content_type=content_type, wanted=wanted)
        except ClientError as error:
            raise _translated(error) from error

    def _copy_parts(
        self, source: SourceObject, *, to: str, content_type: str, wanted: dict[str, Any]
    ) -> None:
        """In parts, several at once; what a killed copy left is dropped by the bucket's lifecycle."""
        upload: dict[str, Any] = {"Bucket": self._target, "Key": to}
        upload["UploadId"] = self._s3.create_multipart_upload(**upload, ContentType=content_type)["UploadId"]

        def copy(numbered: tuple[int, str]) -> dict[str, Any]:
            number, span = numbered
            made = self._s3.upload_part_copy(**upload, **wanted, PartNumber=number, CopySourceRange=span)
            return {"PartNumber": number, "ETag": made["CopyPartResult"]["ETag"]}

        try:
            with ThreadPoolExecutor(PARTS_AT_ONCE) as pool:
                parts = list(pool.map(copy, enumerate(self._spans(source.size_bytes), 1)))
            self._s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})  # type: ignore[typeddict-item]
        except BaseException:
            self._s3.abort_multipart_upload(**upload)
            raise

    def _spans(self, size_bytes: int) -> Iterator[str]:
        part = min(PART_BYTES, self._one_copy_bytes)
        for start in range(0, size_bytes, part):
            yield f"bytes={start}-{min(start + part, size_bytes) - 1}"


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _translated(error: ClientError) -> Exception:
    code = _code(error)
    if code in _GONE:
        return NotFoundError("The object is gone.")
    if code in _CHANGED:
        return SourceRefusedError("changed")
    if code in _DENIED:
        return SourceRefusedError("forbidden")
    if code in _ARCHIVED:
        return SourceRefusedError("archived")
    if code == "NoSuchBucket":
        return SourceRefusedError("no-bucket")
    return error
