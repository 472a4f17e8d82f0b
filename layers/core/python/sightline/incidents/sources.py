"""Use cases of sources: who may send, and the secrets they prove themselves by."""

import base64
import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sightline.contracts.intake import Source, SourceKeys
from sightline.database import Connection, Row, transaction
from sightline.errors import ConflictError, NotFoundError
from sightline.incidents import claims, rules, source_store
from sightline.incidents.paging import next_cursor, place_of
from sightline.incidents.schemas import Scheme
from sightline.incidents.senders.mapping import AlertMap
from sightline.incidents.source_schemas import (
    SourceAnswer,
    SourceChange,
    SourcePage,
    SourceRequest,
    SourceSecretAnswer,
)
from sightline.ports.work import Queue
from sightline.principal import Principal
from sightline.settings import get_settings

ID_BYTES = 18
"""Of a source's id: 144 bits, for senders whose address is their only secret."""
SECRET_BYTES = 32


def create_source(
    principal: Principal, request: SourceRequest, *, keys: SourceKeys, queue: Queue
) -> SourceSecretAnswer:
    """A sender is let in. Raises: ValidationError, ConflictError."""
    scheme = request.scheme or rules.SCHEMES.get(request.platform, "shared_secret")
    _check(request, scheme)
    _check_origins(request, principal.workspace_id)
    secret = _secret(request, scheme)
    source_id = secrets.token_urlsafe(ID_BYTES)
    settings = request.model_dump(
        mode="json", include={"allow_unsigned", "timestamp_header", "topic_arns", "map", "event_origins"}
    )
    with transaction(principal.workspace_id) as conn:
        row = source_store.add(
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
        _claim(conn, row)
        # Inside: a source that could not be written down is none.
        keys.keep(source_id, _for_intake(row, (secret,) if secret else ()))
    for origin in request.event_origins:
        queue.send({"adopt": origin, "workspace_id": principal.workspace_id, "source_id": source_id})
    return SourceSecretAnswer(**_source(row).model_dump(), secret=secret, setup=_setup(row))


def _check(request: SourceRequest, scheme: Scheme) -> None:
    if scheme == "sns" and not request.topic_arns and not request.event_origins:
        raise rules.invalid(
            "body.topic_arns", "Name the SNS topics: anybody can sign with a topic of theirs."
        )
    if request.allow_unsigned and (scheme == "sns" or request.secret is not None):
        raise rules.invalid("body.allow_unsigned", "Only of a source that has no secret and is not signed.")
    if request.map is not None:
        _check_map(request.platform, request.map)


def _check_map(platform: str, given: Mapping[str, Any]) -> None:
    if platform != "generic":
        raise rules.invalid("body.map", "Only the generic platform takes a map.")
    try:
        AlertMap.model_validate(given)
    except ValueError as error:
        raise rules.invalid("body.map", "Not a map of JMESPath expressions; see docs/alerts.md.") from error


def _check_origins(request: SourceRequest, workspace_id: str) -> None:
    """Raises: ValidationError for an origin that this workspace may not have."""
    for number, origin in enumerate(request.event_origins):
        if origin.isdigit() and request.platform != "cloudwatch":
            raise rules.invalid(f"body.event_origins.{number}", "An account's events are cloudwatch's.")
        if not rules.may_claim(origin, workspace_id=workspace_id, allowed=get_settings().event_origins):
            raise rules.invalid(
                f"body.event_origins.{number}",
                "The stage does not let this workspace have its events; see docs/alerts.md.",
            )


def _claim(conn: Connection, row: Row) -> None:
    """Raises: ConflictError where another source takes the events."""
    origins = row["settings"]["event_origins"]
    claimed = claims.claim(conn, workspace_id=row["workspace_id"], source_id=row["id"], origins=origins)
    if len(claimed) < len(set(origins)):
        raise ConflictError("Another source takes the events of one of these origins already.")


def _secret(request: SourceRequest, scheme: Scheme) -> str | None:
    if request.secret is not None:
        return request.secret.get_secret_value()
    if scheme == "sns" or scheme in rules.THEIRS or request.allow_unsigned:
        return None
    return _made(scheme)


def _setup(row: Row) -> str:
    return rules.SETUP_UNSIGNED if row["settings"]["allow_unsigned"] else rules.SETUP[row["platform"]]


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
    """A new secret beside the newest of the old ones; from now on nothing is taken without.

    Raises: NotFoundError, ConflictError, ValidationError.
    """
    with transaction(principal.workspace_id) as conn:
        row = source_store.one(conn, source_id, lock=True)
        known = keys.find(source_id) if row else None
        if row is None or known is None:
            raise NotFoundError
        if row["scheme"] == "sns":
            raise ConflictError("Amazon SNS signs with a key of its own; there is no secret to change.")
        if row["scheme"] in rules.THEIRS and secret is None:
            raise rules.invalid("body.secret", f"{row['platform']} chooses the secret: copy it from there.")
        new = secret or _made(row["scheme"])
        row = source_store.change(conn, source_id, settings={"allow_unsigned": False})
        keys.keep(source_id, replace(known, secrets=(new, *known.secrets[:1]), allow_unsigned=False))
    return SourceSecretAnswer(**_source(row).model_dump(), secret=new, setup=_setup(row))


def change_source(principal: Principal, source_id: str, change: SourceChange) -> SourceAnswer:
    """Another name or map; deliveries that were kept can be replayed by it.

    Raises: NotFoundError, ValidationError.
    """
    with transaction(principal.workspace_id) as conn:
        row = source_store.one(conn, source_id, lock=True)
        if row is None:
            raise NotFoundError
        if change.map is not None:
            _check_map(row["platform"], change.map)
        settings = {} if change.map is None else {"map": change.map}
        return _source(source_store.change(conn, source_id, settings=settings, name=change.name))


def delete_source(principal: Principal, source_id: str, *, keys: SourceKeys) -> None:
    """Nothing more is taken from it. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if not source_store.delete(conn, source_id):
            raise NotFoundError
        claims.release(conn, source_id)
        keys.forget(source_id)


def list_sources(principal: Principal, *, cursor: str | None, limit: int) -> SourcePage:
    """Newest first. Raises: InvalidCursorError."""
    after = place_of(cursor, str)
    with transaction(principal.workspace_id) as conn:
        rows = source_store.listed(conn, after=after, limit=limit + 1)
    return SourcePage(
        items=[_source(row) for row in rows[:limit]], next_cursor=next_cursor(rows, limit, "created_at")
    )


def _source(row: Row) -> SourceAnswer:
    return SourceAnswer(
        id=row["id"],
        name=row["name"],
        platform=row["platform"],
        scheme=row["scheme"],
        path=f"/v1/webhooks/{row['platform']}/{row['id']}",
        allow_unsigned=row["settings"]["allow_unsigned"],
        event_origins=row["settings"].get("event_origins", []),
        created_at=row["created_at"],
    )
