"""Objects in buckets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """What the store knows about an object."""

    size_bytes: int
    content_type: str
    etag: str
    version_id: str


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part of a multipart upload."""

    part_number: int
    etag: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """An address that carries its own permission, and the headers that must go with it."""

    url: str
    headers: Mapping[str, str]
    expires_at: str


class Blobs(Protocol):
    """Objects by key in the media bucket."""

    def presign_put(
        self, key: str, *, content_type: str, size_bytes: int, expires_s: int
    ) -> SignedRequest: ...
    def presign_get(self, key: str, *, expires_s: int, download_name: str = "") -> SignedRequest: ...
    def create_multipart(self, key: str, *, content_type: str) -> str: ...
    def presign_part(
        self, key: str, *, upload_id: str, part_number: int, size_bytes: int, expires_s: int
    ) -> SignedRequest: ...
    def put_part(self, key: str, *, upload_id: str, part_number: int, data: bytes) -> str:
        """Sends one part ourselves; answers its ETag. Raises: NotFoundError when the upload is gone."""
        ...

    def list_parts(self, key: str, *, upload_id: str) -> list[UploadedPart]: ...
    def complete_multipart(self, key: str, *, upload_id: str, parts: Sequence[tuple[int, str]]) -> None: ...
    def abort_multipart(self, key: str, *, upload_id: str) -> None: ...
    def head(self, key: str) -> BlobInfo | None: ...
    def put(self, key: str, data: bytes, *, content_type: str) -> None: ...
    def get(self, key: str) -> bytes: ...
    def open(self, key: str, *, version_id: str = "") -> "AbstractContextManager[BinaryIO]":
        """A seekable reader over ranged reads, so that a decoder fetches only what it needs.

        Raises: NotFoundError.
        """
        ...

    def keys(self, prefix: str) -> Iterator[str]: ...
    def delete_prefix(self, prefix: str) -> int:
        """Deletes every version under the prefix; answers how many."""
        ...

    def count_versions(self, prefix: str) -> int:
        """How many versions and delete markers there are under the prefix, by listing."""
        ...


@dataclass(frozen=True, slots=True)
class SourceObject:
    """An object of another bucket, as a listing shows it."""

    key: str
    etag: str
    size_bytes: int
    storage_class: str


class Sources(Protocol):
    """Buckets that videos and runbooks are imported from. Raises: SourceRefusedError, where not allowed."""

    def page(self, bucket: str, *, prefix: str, after: str, limit: int) -> list[SourceObject]:
        """Objects in order of their keys, after a key."""
        ...

    def look(self, bucket: str, key: str) -> SourceObject | None:
        """One object; None where there is none that we may see."""
        ...

    def read(self, bucket: str, key: str, *, max_bytes: int) -> bytes:
        """An object's first bytes. Raises: NotFoundError, SourceRefusedError."""
        ...

    def copy(self, bucket: str, source: SourceObject, *, to: str, content_type: str) -> None:
        """Copies this very version into the media bucket. Raises: NotFoundError, SourceRefusedError."""
        ...
