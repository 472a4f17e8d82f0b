"""Use cases of webhook endpoints: who is told, with which secrets, and what became of each message."""

from typing import Any
from uuid import UUID

from sightline.cursor import id_in, next_page
from sightline.database import Connection, Row, transaction
from sightline.errors import ConflictError, NotFoundError
from sightline.outgoing import rules, store
from sightline.outgoing.delivery import announce, hand_over
from sightline.outgoing.schemas import (
    MAX_ENDPOINTS,
    TEST,
    DeliveryAnswer,
    DeliveryPage,
    EndpointAnswer,
    EndpointChange,
    EndpointPage,
    EndpointRequest,
    EndpointSecretAnswer,
    RedriveAnswer,
    SecretAnswer,
)
from sightline.ports.outgoing import Vault, WebhookSender
from sightline.ports.work import DelayedQueue
from sightline.principal import Principal
from sightline.settings import get_settings
from sightline.telemetry import logger

REDRIVE_AT_ONCE = 100


def create_endpoint(
    principal: Principal, wanted: EndpointRequest, *, vault: Vault, sender: WebhookSender
) -> EndpointSecretAnswer:
    """A new endpoint with its first secret. Raises: ForbiddenAddressError, ConflictError."""
    _check_address(wanted.url, sender)
    with transaction(principal.workspace_id) as conn:
        if store.count_endpoints(conn) >= MAX_ENDPOINTS:
            raise ConflictError(f"A workspace has at most {MAX_ENDPOINTS} webhook endpoints.")
        who = {"workspace_id": principal.workspace_id, "created_by": principal.principal_id}
        row = store.add_endpoint(conn, {**wanted.model_dump(), **who})
        secret = _add_secret(conn, row, vault=vault)
        answer = _with_secrets(conn, [row])[0]
    logger.info("webhook endpoint created", endpoint_id=str(row["id"]))
    return EndpointSecretAnswer(**answer.model_dump(), secret=secret)


def rotate_secret(
    principal: Principal, endpoint_id: UUID, *, keep_old_s: int, vault: Vault
) -> EndpointSecretAnswer:
    """A new secret; the one before signs beside it for a while. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.endpoint(conn, endpoint_id, lock=True))
        store.retire_secrets(conn, endpoint_id, keep_s=keep_old_s)
        secret = _add_secret(conn, row, vault=vault)
        answer = _with_secrets(conn, [row])[0]
    logger.info("webhook secret rotated", endpoint_id=str(endpoint_id))
    return EndpointSecretAnswer(**answer.model_dump(), secret=secret)


def list_endpoints(principal: Principal, *, cursor: str | None, limit: int) -> EndpointPage:
    """Newest first."""
    with transaction(principal.workspace_id) as conn:
        rows = store.endpoints(conn, before=id_in(cursor), limit=limit + 1)
        rows, following = next_page(rows, limit, "id")
        return EndpointPage(items=_with_secrets(conn, rows), next_cursor=following)


def read_endpoint(principal: Principal, endpoint_id: UUID) -> EndpointAnswer:
    """One endpoint. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return _with_secrets(conn, [found(store.endpoint(conn, endpoint_id))])[0]


def change_endpoint(
    principal: Principal, endpoint_id: UUID, change: EndpointChange, *, sender: WebhookSender
) -> EndpointAnswer:
    """Replaces what is given; what waits for an endpoint that is switched off is given up.

    Raises: NotFoundError, ForbiddenAddressError.
    """
    if change.url is not None:
        _check_address(change.url, sender)
    given: dict[str, Any] = change.model_dump(exclude_none=True)
    if change.enabled:
        given["disabled_reason"] = None
    with transaction(principal.workspace_id) as conn:
        row = found(
            store.change_endpoint(conn, endpoint_id, given) if given else store.endpoint(conn, endpoint_id)
        )
        if change.enabled is False:
            store.cancel(conn, endpoint_id, why="The endpoint was switched off.")
        return _with_secrets(conn, [row])[0]


def delete_endpoint(principal: Principal, endpoint_id: UUID) -> None:
    """With its secrets and the record of its deliveries. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if not store.delete_endpoint(conn, endpoint_id):
            raise NotFoundError("There is no such webhook endpoint.")


def send_test(principal: Principal, endpoint_id: UUID, *, queue: DelayedQueue) -> DeliveryAnswer:
    """Sends a message that means nothing, signed like any other. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        if not found(store.endpoint(conn, endpoint_id))["enabled"]:
            raise ConflictError("The endpoint is switched off.")
        (delivery_id,) = announce(
            conn,
            workspace_id=principal.workspace_id,
            event_type=TEST,
            data={"endpoint_id": str(endpoint_id)},
            endpoint_id=endpoint_id,
        )
        row = store.delivery(conn, delivery_id)
    hand_over(queue, workspace_id=principal.workspace_id, delivery_ids=[delivery_id])
    return _delivery_answer(_found_delivery(row))


def list_deliveries(
    principal: Principal, endpoint_id: UUID, *, status: str | None, cursor: str | None, limit: int
) -> DeliveryPage:
    """What was sent to an endpoint, newest first. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        found(store.endpoint(conn, endpoint_id))
        rows = store.deliveries(conn, endpoint_id, status=status, before=id_in(cursor), limit=limit + 1)
    rows, following = next_page(rows, limit, "id")
    return DeliveryPage(items=[_delivery_answer(row) for row in rows], next_cursor=following)


def read_delivery(principal: Principal, delivery_id: UUID) -> DeliveryAnswer:
    """One delivery. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return _delivery_answer(_found_delivery(store.delivery(conn, delivery_id)))


def resend(principal: Principal, delivery_id: UUID, *, queue: DelayedQueue) -> DeliveryAnswer:
    """The same message once more, with all its attempts. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        row = _found_delivery(store.delivery(conn, delivery_id))
        _check_takes(conn, row["endpoint_id"])
        # One that is on its way is told of again all the same: its message may be the one that was lost.
        store.begin_again(conn, delivery_id)
        row = _found_delivery(store.delivery(conn, delivery_id))
    hand_over(queue, workspace_id=principal.workspace_id, delivery_ids=[delivery_id])
    return _delivery_answer(row)


def redrive(principal: Principal, endpoint_id: UUID, *, queue: DelayedQueue) -> RedriveAnswer:
    """Begins what failed for good again, oldest first. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        found(store.endpoint(conn, endpoint_id))
        _check_takes(conn, endpoint_id)
        failed = store.failed_deliveries(conn, endpoint_id, limit=REDRIVE_AT_ONCE + 1)
        begun = [one for one in failed[:REDRIVE_AT_ONCE] if store.begin_again(conn, one)]
    hand_over(queue, workspace_id=principal.workspace_id, delivery_ids=begun)
    return RedriveAnswer(redriven=len(begun), more=len(failed) > REDRIVE_AT_ONCE)


def found(row: Row | None) -> Row:
    """Raises: NotFoundError where there is nothing, or nothing of this workspace."""
    if row is None:
        raise NotFoundError("There is no such webhook endpoint.")
    return row


def purpose_of(endpoint: Row | Any) -> dict[str, str]:
    """What a secret is sealed for: one endpoint of one workspace."""
    return {"workspace_id": str(endpoint["workspace_id"]), "endpoint_id": str(endpoint["id"])}


def _check_address(url: str, sender: WebhookSender) -> None:
    rules.check_form(url, loopback=get_settings().webhook_loopback)
    sender.check(url)


def _check_takes(conn: Connection, endpoint_id: UUID) -> None:
    if not found(store.endpoint(conn, endpoint_id))["enabled"]:
        raise ConflictError("The endpoint is switched off: switch it on first.")


def _add_secret(conn: Connection, endpoint: Row, *, vault: Vault) -> str:
    secret = rules.new_secret()
    sealed = vault.seal(secret.encode(), purpose=purpose_of(endpoint))
    store.add_secret(conn, workspace_id=endpoint["workspace_id"], endpoint_id=endpoint["id"], sealed=sealed)
    return secret


def _with_secrets(conn: Connection, rows: list[Row]) -> list[EndpointAnswer]:
    live = store.live_secrets(conn, [row["id"] for row in rows])
    return [
        EndpointAnswer(
            **{name: row[name] for name in EndpointAnswer.model_fields if name in row},
            secrets=[
                SecretAnswer(id=one["id"], created_at=one["created_at"], expires_at=one["expires_at"])
                for one in live
                if one["endpoint_id"] == row["id"]
            ],
        )
        for row in rows
    ]


def _found_delivery(row: Row | None) -> Row:
    if row is None:
        raise NotFoundError("There is no such delivery.")
    return row


def _delivery_answer(row: Row) -> DeliveryAnswer:
    shown = {name: row[name] for name in DeliveryAnswer.model_fields}
    if row["status"] != "pending":
        shown["next_attempt_at"] = None
    return DeliveryAnswer(**shown)
