"""Use cases of sources, alerts and deliveries as their owners see them."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from sightline.contracts.intake import Source, SourceKeys
from sightline.cursor import decode_cursor, encode_cursor, next_page
from sightline.database import Row, transaction
from sightline.errors import ConflictError, InvalidCursorError, NotFoundError
from sightline.incidents import rules, store
from sightline.incidents.schemas import (
    AlertAnswer,
    AlertPage,
    DeliveryAnswer,
    DeliveryPage,
    DeliverySummary,
    Judgement,
    ReplayAnswer,
    Scheme,
    SourceAnswer,
    SourcePage,
    SourceRequest,
    SourceSecretAnswer,
)
from sightline.incidents.senders.mapping import AlertMap
from sightline.ports import Queue
from sightline.principal import Principal

ID_BYTES = 18
"""Of a source's id: 144 bits, for senders whose address is their only secret."""
SECRET_BYTES = 32


def create_source(principal: Principal, request: SourceRequest, *, keys: SourceKeys) -> SourceSecretAnswer:
    """A sender is let in. Raises: ValidationError."""
    scheme = request.scheme or rules.SCHEMES.get(request.platform, "shared_secret")
    _check(request, scheme)
    secret = _secret(request, scheme)
    source_id = secrets.token_urlsafe(ID_BYTES)
    settings = request.model_dump(
        mode="json", include={"allow_unsigned", "timestamp_header", "topic_arns", "map"}
    )
    with transaction(principal.workspace_id) as conn:
        row = store.add_source(
            conn,
            {
                "id": source_id,
                "workspace_id": principal.workspace_id,
                "name": request.name,
                "platform": request.platform,
                "scheme": scheme,
                "settings": settings,
                "created_by": principal.principal_id,
            },
        )
        # Inside: a source that could not be written down is none.
        keys.keep(source_id, _for_intake(row, (secret,) if secret else ()))
    return SourceSecretAnswer(**_source(row).model_dump(), secret=secret, setup=rules.SETUP[request.platform])


def _check(request: SourceRequest, scheme: Scheme) -> None:
    if scheme == "sns" and not request.topic_arns:
        raise rules.invalid(
            "body.topic_arns", "Name the SNS topics: anybody can sign with a topic of theirs."
        )
    if scheme in rules.THEIRS and request.secret is None:
        raise rules.invalid("body.secret", f"{request.platform} chooses the secret: copy it from there.")
    if request.map is not None:
        if request.platform != "generic":
            raise rules.invalid("body.map", "Only the generic platform takes a map.")
        try:
            AlertMap.model_validate(request.map)
        except ValueError as error:
            raise rules.invalid(
                "body.map", "Not a map of JMESPath expressions; see docs/alerts.md."
            ) from error


def _secret(request: SourceRequest, scheme: Scheme) -> str | None:
    if request.secret is not None:
        return request.secret.get_secret_value()
    if scheme == "sns" or request.allow_unsigned:
        return None
    return _made(scheme)


def _made(scheme: str) -> str:
    if scheme == "standard":
        return "whsec_" + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()
    return secrets.token_urlsafe(SECRET_BYTES)


def _for_intake(row: Row, live: tuple[str, ...]) -> Source:
    settings = row["settings"]
    return Source(
        workspace_id=str(row["workspace_id"]),
        platform=row["platform"],
        scheme=row["scheme"],
        secrets=live,
        allow_unsigned=settings["allow_unsigned"],
        timestamp_header=settings["timestamp_header"],
        topic_arns=tuple(settings["topic_arns"]),
    )


def rotate_secret(
    principal: Principal, source_id: str, secret: str | None, *, keys: SourceKeys
) -> SourceSecretAnswer:
    """A new secret beside the newest of the old ones. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        row = store.source(conn, source_id, lock=True)
        known = keys.find(source_id) if row else None
        if row is None or known is None:
            raise NotFoundError
        if row["scheme"] == "sns":
            raise ConflictError("Amazon SNS signs with a key of its own; there is no secret to change.")
        if row["scheme"] in rules.THEIRS and secret is None:
            raise rules.invalid("body.secret", f"{row['platform']} chooses the secret: copy it from there.")
        new = secret or _made(row["scheme"])
        keys.keep(source_id, replace(known, secrets=(new, *known.secrets[:1])))
    return SourceSecretAnswer(**_source(row).model_dump(), secret=new, setup=rules.SETUP[row["platform"]])


def delete_source(principal: Principal, source_id: str, *, keys: SourceKeys) -> None:
    """Nothing more is taken from it. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if not store.delete_source(conn, source_id):
            raise NotFoundError
        keys.forget(source_id)


def list_sources(principal: Principal, *, cursor: str | None, limit: int) -> SourcePage:
    """Newest first. Raises: InvalidCursorError."""
    after = _place(cursor, str)
    with transaction(principal.workspace_id) as conn:
        rows = store.sources(conn, after=after, limit=limit + 1)
    return SourcePage(
        items=[_source(row) for row in rows[:limit]], next_cursor=_next(rows, limit, "created_at")
    )


def _place(cursor: str | None, kind: type) -> Any:
    """Where a list ordered by time and id goes on."""
    if cursor is None:
        return None
    at, name = decode_cursor(cursor, (str, str))
    try:
        return datetime.fromisoformat(at), kind(name)
    except ValueError as error:
        raise InvalidCursorError from error


def _next(rows: list[Row], limit: int, time: str) -> str | None:
    if len(rows) <= limit:
        return None
    return encode_cursor(rows[limit - 1][time].isoformat(), rows[limit - 1]["id"])


def _source(row: Row) -> SourceAnswer:
    return SourceAnswer(
        id=row["id"],
        name=row["name"],
        platform=row["platform"],
        scheme=row["scheme"],
        path=f"/v1/webhooks/{row['platform']}/{row['id']}",
        allow_unsigned=row["settings"]["allow_unsigned"],
        created_at=row["created_at"],
    )


def list_alerts(
    principal: Principal, *, where: Mapping[str, str | None], cursor: str | None, limit: int
) -> AlertPage:
    """Newest first. Raises: InvalidCursorError."""
    before = _id_of(cursor)
    with transaction(principal.workspace_id) as conn:
        rows = store.alerts(conn, before=before, limit=limit + 1, where=where)
    page, more = next_page(rows, limit, "id")
    return AlertPage(items=[_alert(row) for row in page], next_cursor=more)


def _id_of(cursor: str | None) -> UUID | None:
    try:
        return UUID(decode_cursor(cursor, (str,))[0]) if cursor else None
    except ValueError as error:
        raise InvalidCursorError from error


def read_alert(principal: Principal, alert_id: UUID) -> AlertAnswer:
    """One alert. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = store.alert(conn, alert_id)
    if row is None:
        raise NotFoundError
    return _alert(row)


def _alert(row: Row) -> AlertAnswer:
    judged = {
        name: Judgement(label=row[name], by=row[f"{name}_by"], confidence=row[f"{name}_confidence"])
        for name in ("severity", "category", "team")
    }
    return AlertAnswer(
        **{name: row[name] for name in AlertAnswer.model_fields if name not in judged}, **judged
    )


def list_deliveries(
    principal: Principal, *, outcome: str | None, cursor: str | None, limit: int
) -> DeliveryPage:
    """Newest first. Raises: InvalidCursorError."""
    after = _place(cursor, UUID)
    with transaction(principal.workspace_id) as conn:
        rows = store.deliveries(conn, after=after, limit=limit + 1, outcome=outcome)
    items = [DeliverySummary(**row) for row in rows[:limit]]
    return DeliveryPage(items=items, next_cursor=_next(rows, limit, "received_at"))


def read_delivery(principal: Principal, delivery_id: UUID) -> DeliveryAnswer:
    """One delivery with all that was sent. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = store.delivery(conn, delivery_id)
    if row is None:
        raise NotFoundError
    shown = {name: row[name] for name in DeliveryAnswer.model_fields if name != "raw_payload"}
    return DeliveryAnswer(**shown, raw_payload=bytes(row["raw_payload"]).decode(errors="replace"))


def replay(principal: Principal, delivery_id: UUID, *, queue: Queue) -> ReplayAnswer:
    """Has a stored delivery read again. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if store.delivery(conn, delivery_id) is None:
            raise NotFoundError
    queue.send({"replay": str(delivery_id), "workspace_id": principal.workspace_id})
    return ReplayAnswer(id=delivery_id, queued=True)
