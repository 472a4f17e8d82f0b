"""Use cases of channels: where incidents are told, and what became of each change."""

from typing import Any
from uuid import UUID

from sightline.cursor import id_in, next_page
from sightline.database import Connection, Row, transaction
from sightline.errors import ConflictError, NotFoundError
from sightline.incidents.notices import messages, store
from sightline.incidents.notices.posting import seal
from sightline.incidents.notices.schemas import (
    MAX_CHANNELS,
    ChannelAnswer,
    ChannelChange,
    ChannelPage,
    ChannelRequest,
    Filters,
    NotificationAnswer,
    NotificationPage,
    QuietHours,
)
from sightline.incidents.notices.secrets import changed_secrets, first_secrets, settings_of
from sightline.incidents.rules import invalid
from sightline.ports.outgoing import Vault
from sightline.ports.work import NoticeQueue
from sightline.principal import Principal
from sightline.telemetry import logger


def create_channel(principal: Principal, wanted: ChannelRequest, *, vault: Vault) -> ChannelAnswer:
    """Raises: ValidationError, ForbiddenAddressError, ConflictError."""
    settings, secrets = settings_of(wanted), first_secrets(wanted)
    with transaction(principal.workspace_id) as conn:
        _check_hours(conn, wanted.quiet_hours)
        if store.count_channels(conn) >= MAX_CHANNELS:
            raise ConflictError(f"A workspace has at most {MAX_CHANNELS} notification channels.")
        channel_id = store.new_id(conn)
        whose = {"workspace_id": principal.workspace_id, "channel_id": channel_id}
        row = store.add_channel(
            conn,
            {
                "id": channel_id,
                "workspace_id": principal.workspace_id,
                "kind": wanted.kind,
                "name": wanted.name,
                "settings": settings,
                "sealed": seal(secrets, vault=vault, **whose) if secrets else None,
                **wanted.filters.model_dump(),
                "quiet": wanted.quiet_hours and wanted.quiet_hours.model_dump(mode="json"),
                "created_by": principal.principal_id,
            },
        )
    logger.info("notification channel created", channel_id=str(channel_id), kind=wanted.kind)
    return channel_answer(row)


def list_channels(principal: Principal, *, cursor: str | None, limit: int) -> ChannelPage:
    """Newest first."""
    with transaction(principal.workspace_id) as conn:
        rows = store.channels(conn, before=id_in(cursor), limit=limit + 1)
    rows, following = next_page(rows, limit, "id")
    return ChannelPage(items=[channel_answer(row) for row in rows], next_cursor=following)


def read_channel(principal: Principal, channel_id: UUID) -> ChannelAnswer:
    """Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return channel_answer(found(store.channel(conn, channel_id)))


def change_channel(
    principal: Principal, channel_id: UUID, change: ChannelChange, *, vault: Vault
) -> ChannelAnswer:
    """Replaces what is given; a secret takes the place of all of them.

    Raises: NotFoundError, ValidationError, ForbiddenAddressError.
    """
    given: dict[str, Any] = change.model_dump(
        mode="json", exclude_unset=True, include={"name", "enabled"}, exclude_none=True
    )
    if change.filters is not None:
        given |= change.filters.model_dump()
    if "quiet_hours" in change.model_fields_set:
        given["quiet"] = change.quiet_hours and change.quiet_hours.model_dump(mode="json")
    with transaction(principal.workspace_id) as conn:
        row = found(store.channel(conn, channel_id, lock=True))
        _check_hours(conn, change.quiet_hours)
        if change.addresses is not None:
            given["settings"] = {**row["settings"], "addresses": _addresses(row, change)}
        if secrets := changed_secrets(row["kind"], change):
            whose = {"workspace_id": principal.workspace_id, "channel_id": channel_id}
            given["sealed"] = seal(secrets, vault=vault, **whose)
        if given:
            store.change_channel(conn, channel_id, given)
        return channel_answer(found(store.channel(conn, channel_id)))


def delete_channel(principal: Principal, channel_id: UUID) -> None:
    """With the record of what was told through it. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if not store.delete_channel(conn, channel_id):
            raise NotFoundError("There is no such notification channel.")


def send_test(principal: Principal, channel_id: UUID, *, queue: NoticeQueue) -> NotificationAnswer:
    """A message that says it is a test, on the way that all take. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        if not found(store.channel(conn, channel_id))["enabled"]:
            raise ConflictError("The channel is switched off.")
        message_id = messages.add(
            conn, workspace_id=principal.workspace_id, channel_id=channel_id, incident_id=None
        )
        notification_id = messages.want_test(conn, message_id)
        answer = notification_answer(store.notification(conn, notification_id))
    queue.send({"workspace_id": principal.workspace_id, "message_id": str(message_id)})
    return answer


def list_notifications(
    principal: Principal, *, where: dict[str, Any], cursor: str | None, limit: int
) -> NotificationPage:
    """What was told, or is to be; newest first."""
    with transaction(principal.workspace_id) as conn:
        rows = store.notifications(conn, where=where, before=id_in(cursor), limit=limit + 1)
    rows, following = next_page(rows, limit, "id")
    return NotificationPage(items=[notification_answer(row) for row in rows], next_cursor=following)


def read_notification(principal: Principal, notification_id: UUID) -> NotificationAnswer:
    """Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return notification_answer(store.notification(conn, notification_id))


def resend(principal: Principal, notification_id: UUID, *, queue: NoticeQueue) -> NotificationAnswer:
    """One that failed, or of which nothing is known, once more. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        notification_answer(store.notification(conn, notification_id))
        message_id = messages.begin_again(conn, notification_id)
        if message_id is None:
            raise ConflictError("It went well, or is on its way.")
        answer = notification_answer(store.notification(conn, notification_id))
    queue.send({"workspace_id": principal.workspace_id, "message_id": str(message_id)})
    return answer


def found(row: Row | None) -> Row:
    """Raises: NotFoundError where there is nothing, or nothing of this workspace."""
    if row is None:
        raise NotFoundError("There is no such notification channel.")
    return row


def channel_answer(row: Row) -> ChannelAnswer:
    """Without its secrets."""
    same = ("id", "kind", "name", "settings", "enabled", "last_error", "created_at", "updated_at")
    return ChannelAnswer(
        **{name: row[name] for name in same},
        filters=Filters(**{name: row[name] for name in Filters.model_fields}),
        quiet_hours=QuietHours(**row["quiet"]) if row["quiet"] else None,
        interactions_path=f"/v1/slack/interactions/{row['id']}" if row["kind"] == "slack_bot" else None,
    )


def notification_answer(row: Row | None) -> NotificationAnswer:
    """Raises: NotFoundError."""
    if row is None:
        raise NotFoundError("There is no such notification.")
    return NotificationAnswer(**{name: row[name] for name in NotificationAnswer.model_fields})


def _check_hours(conn: Connection, quiet: QuietHours | None) -> None:
    if quiet is not None and not store.knows_timezone(conn, quiet.timezone):
        raise invalid("body.quiet_hours.timezone", "Name a time zone of the IANA database: Europe/Berlin.")


def _addresses(row: Row, change: ChannelChange) -> list[str]:
    if row["kind"] != "email":
        raise invalid("body.addresses", "Only a channel that writes mail has addresses.")
    return [str(one) for one in change.addresses or []]
