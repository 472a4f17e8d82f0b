"""How a file gets in: one signed PUT, or a multipart upload that can be resumed for days."""

from dataclasses import asdict
from uuid import UUID

from sightline.database import Row, transaction
from sightline.errors import ConflictError, NotFoundError, UploadExpiredError, UploadIncompleteError
from sightline.media import rules, store
from sightline.media.schemas import (
    MultipartUpload,
    PartsAnswer,
    PutUpload,
    SentPart,
    SignedPart,
    UploadedPartAnswer,
)
from sightline.ports.objects import Blobs
from sightline.principal import Principal
from sightline.settings import get_settings


def begin(row: Row, *, blobs: Blobs) -> tuple[Row, PutUpload | MultipartUpload]:
    """The upload of a new asset."""
    if row["size_bytes"] <= rules.MULTIPART_ABOVE_BYTES:
        return row, _put(row, blobs=blobs)
    upload_id = blobs.create_multipart(_key(row), content_type=row["content_type"])
    with transaction(row["workspace_id"]) as conn:
        kept = store.set_upload(
            conn, row["id"], upload_id=upload_id, part_size_bytes=rules.part_size(row["size_bytes"])
        )
    if kept is None:
        raise NotFoundError("There is no such asset.")
    return kept, _multipart(kept)


def read(principal: Principal, asset_id: UUID, *, blobs: Blobs) -> PutUpload | MultipartUpload:
    """How to go on: a fresh address, or the parts that are there. Raises: NotFoundError, ConflictError."""
    row = _awaiting(principal, asset_id)
    if row["upload_id"] is None:
        return _put(row, blobs=blobs)
    parts = blobs.list_parts(_key(row), upload_id=row["upload_id"])
    uploaded = [UploadedPartAnswer(**asdict(part)) for part in parts]
    return _multipart(row).model_copy(update={"uploaded": uploaded})


def sign_parts(principal: Principal, asset_id: UUID, part_numbers: list[int], *, blobs: Blobs) -> PartsAnswer:
    """Addresses for some parts, each bound to its exact length."""
    row = _awaiting_parts(principal, asset_id)
    signed = []
    expires_at = ""
    for number in dict.fromkeys(part_numbers):
        length = rules.part_bytes(
            number, size_bytes=row["size_bytes"], part_size_bytes=row["part_size_bytes"]
        )
        address = blobs.presign_part(
            _key(row),
            upload_id=row["upload_id"],
            part_number=number,
            size_bytes=length,
            expires_s=get_settings().upload_expires_s,
        )
        signed.append(SignedPart(part_number=number, url=address.url, headers=dict(address.headers)))
        expires_at = expires_at or address.expires_at
    return PartsAnswer(parts=signed, expires_at=expires_at)


def complete(principal: Principal, asset_id: UUID, sent: list[SentPart], *, blobs: Blobs) -> None:
    """Puts the parts together; the object's arrival then starts indexing. Completed twice, it is complete.

    Raises: UploadIncompleteError, NotFoundError, ConflictError.
    """
    row = _in_workspace(principal, asset_id)
    if row["source_version"] is not None or blobs.head(_key(row)) is not None:
        return
    row = _awaiting_parts(principal, asset_id)
    parts = [(part.part_number, part.etag) for part in sent] or [
        (part.part_number, part.etag) for part in blobs.list_parts(_key(row), upload_id=row["upload_id"])
    ]
    count = rules.part_count(row["size_bytes"], row["part_size_bytes"])
    missing = sorted(set(range(1, count + 1)) - {number for number, _ in parts})
    if missing:
        raise UploadIncompleteError(f"{len(missing)} of {count} parts are missing, first {missing[0]}.")
    try:
        blobs.complete_multipart(_key(row), upload_id=row["upload_id"], parts=sorted(parts))
    except NotFoundError:
        # Two calls at once: the other one has just completed it.
        if blobs.head(_key(row)) is None:
            raise


def abandon(principal: Principal, asset_id: UUID, *, blobs: Blobs) -> None:
    """Gives the upload up; the asset expires. Raises: NotFoundError, ConflictError."""
    row = _awaiting(principal, asset_id)
    with transaction(principal.workspace_id) as conn:
        expired = store.expire_upload(conn, asset_id, overdue_only=False)
    if expired is None:
        raise ConflictError("The upload has just arrived.")
    discard(row, blobs=blobs)


def discard(row: Row, *, blobs: Blobs) -> None:
    """Drops the parts of an upload that nobody will finish."""
    if row["upload_id"] is not None:
        blobs.abort_multipart(_key(row), upload_id=row["upload_id"])


def _put(row: Row, *, blobs: Blobs) -> PutUpload:
    signed = blobs.presign_put(
        _key(row),
        content_type=row["content_type"],
        size_bytes=row["size_bytes"],
        expires_s=get_settings().upload_expires_s,
    )
    return PutUpload(url=signed.url, headers=dict(signed.headers), expires_at=signed.expires_at)


def _multipart(row: Row) -> MultipartUpload:
    return MultipartUpload(
        upload_id=row["upload_id"],
        part_size_bytes=row["part_size_bytes"],
        part_count=rules.part_count(row["size_bytes"], row["part_size_bytes"]),
    )


def _key(row: Row) -> str:
    return rules.source_key(row["workspace_id"], row["id"])


def _in_workspace(principal: Principal, asset_id: UUID) -> Row:
    with transaction(principal.workspace_id) as conn:
        row = store.asset(conn, asset_id)
    if row is None:
        raise NotFoundError("There is no such asset.")
    return row


def _awaiting(principal: Principal, asset_id: UUID) -> Row:
    row = _in_workspace(principal, asset_id)
    if row["status"] == "expired":
        raise UploadExpiredError("This upload has expired: create the asset again.")
    if row["status"] != "awaiting_upload":
        raise ConflictError("The upload has arrived already.")
    return row


def _awaiting_parts(principal: Principal, asset_id: UUID) -> Row:
    row = _awaiting(principal, asset_id)
    if row["upload_id"] is None:
        raise ConflictError("This upload is one PUT: it has no parts.")
    return row
