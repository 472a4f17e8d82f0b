"""What can be done with accounts, each in one transaction."""

from typing import Any
from uuid import UUID

from sightline.accounts import erasures, rules, store
from sightline.accounts.erasures import ErasureStarted
from sightline.accounts.schemas import (
    ApiKeyAnswer,
    ApiKeyPage,
    ApiKeyRequest,
    MemberAnswer,
    MemberPage,
    Membership,
    NewApiKeyAnswer,
    ResetAnswer,
    TokenAnswer,
    UserAnswer,
    UserChange,
    WorkspaceAnswer,
    WorkspaceChange,
    WorkspacePage,
)
from sightline.cursor import id_in, next_page
from sightline.database import Connection, Row, transaction
from sightline.errors import (
    ConflictError,
    LastAdminError,
    NotFoundError,
    SightlineError,
)
from sightline.ports.identity import Identity, Tokens
from sightline.principal import Principal
from sightline.telemetry import logger


def sign_in(identity: Identity, *, email: str, password: str) -> TokenAnswer:
    """Tokens; the first time also the account's row and a personal workspace."""
    tokens = identity.sign_in(email=email, password=password)
    provision(identity, access_token=tokens.access_token)
    return _token_answer(tokens)


def reset_password(identity: Identity, *, email: str, code: str, password: str) -> ResetAnswer:
    """A new password, and the end of every session that somebody with the old one may have."""
    identity.reset_password(email=email, code=code, password=password)
    try:
        tokens = identity.sign_in(email=email, password=password)
        identity.sign_out(access_token=tokens.access_token)
    except SightlineError as error:
        # The password is set, and cannot be set again by the same code: that must not answer as a failure.
        logger.warning("sessions outlive a new password", reason=error.slug)
        return ResetAnswer(reset=True, signed_out=False)
    return ResetAnswer(reset=True, signed_out=True)


def refresh(identity: Identity, *, refresh_token: str) -> TokenAnswer:
    """A new access token."""
    return _token_answer(identity.refresh(refresh_token=refresh_token))


def provision(identity: Identity, *, access_token: str) -> None:
    """Makes sure that a signed-in person has a row and a workspace."""
    profile = identity.profile(access_token=access_token)
    with transaction(user_id=profile.user_id) as connection:
        store.provision_user(connection, user_id=profile.user_id, email=profile.email, name=profile.name)


def me(identity: Identity, *, user_id: str, access_token: str) -> UserAnswer:
    """The signed-in person; one who came by another way than our login is provisioned now."""
    found = _me(user_id)
    if found is None:
        provision(identity, access_token=access_token)
        found = _me(user_id)
    if found is None:
        raise NotFoundError("There is no such account.")
    return found


def _me(user_id: str) -> UserAnswer | None:
    with transaction(user_id=user_id) as connection:
        row = store.user(connection, user_id)
        workspaces = store.memberships(connection, user_id)
    if row is None:
        return None
    return UserAnswer(
        **row, workspaces=[Membership(id=w["id"], name=w["name"], role=w["role"]) for w in workspaces]
    )


def change_me(*, user_id: str, change: UserChange) -> None:
    """Replaces name or preferences."""
    if change.preferences is not None:
        rules.check_preferences(change.preferences)
    with transaction(user_id=user_id) as connection:
        store.update_user(connection, user_id, name=change.name, preferences=change.preferences)


def delete_me(identity: Identity, *, user_id: str, access_token: str) -> None:
    """Forgets the person here and at the identity provider; what they shared stays with the others.

    Raises: LastAdminError while others depend on them.
    """
    with transaction(user_id=user_id) as connection:
        held = store.workspaces_held_by(connection, user_id)
        if held:
            raise LastAdminError(f"Make somebody else an admin of {', '.join(map(str, held))} first.")
        store.delete_user(connection, user_id)
        # Inside the transaction: when the provider fails, nothing was deleted here either.
        identity.delete(access_token=access_token)
    logger.info("account deleted")


def create_workspace(*, user_id: str, name: str) -> WorkspaceAnswer:
    """A workspace with its maker as admin."""
    with transaction(user_id=user_id) as connection:
        if store.user(connection, user_id) is None:
            raise ConflictError("Read /v1/users/me once before making a workspace.")
        made = store.create_workspace(connection, user_id=user_id, name=name)
    with transaction(made) as connection:
        return WorkspaceAnswer(**_found(store.workspace(connection)), role="admin")


def list_workspaces(principal: Principal, *, cursor: str | None, limit: int) -> WorkspacePage:
    """A person's workspaces; for an API key, the one it belongs to."""
    if principal.user_id is None:
        return WorkspacePage(items=[read_workspace(principal)], next_cursor=None)
    with transaction(user_id=principal.user_id) as connection:
        rows = store.memberships(
            connection, principal.user_id, after=id_in(cursor) or store.FIRST, limit=limit + 1
        )
    rows, following = next_page(rows, limit, "id")
    return WorkspacePage(items=[WorkspaceAnswer(**row) for row in rows], next_cursor=following)


def read_workspace(principal: Principal) -> WorkspaceAnswer:
    """The principal's workspace, with their role in it."""
    with transaction(principal.workspace_id) as connection:
        row = _found(store.workspace(connection))
    return WorkspaceAnswer.model_validate({**row, "role": principal.role})


def change_workspace(principal: Principal, change: WorkspaceChange) -> WorkspaceAnswer:
    """Gives the workspace another name, or another retention."""
    with transaction(principal.workspace_id) as connection:
        if change.name is not None:
            store.rename_workspace(connection, change.name)
        if "retention_days" in change.model_fields_set:
            store.set_retention(connection, change.retention_days)
    return read_workspace(principal)


def delete_workspace(principal: Principal) -> ErasureStarted:
    """Closes the workspace; its data is purged afterwards, and a report proves it."""
    with transaction(principal.workspace_id) as connection:
        store.mark_workspace_deleted(connection)
        erasure_id = erasures.begin(
            connection, principal, subject="workspace", subject_id=principal.workspace_id
        )
    logger.info("workspace deleted", workspace_id=principal.workspace_id)
    return ErasureStarted(erasure_id=erasure_id)


def list_members(principal: Principal, *, cursor: str | None, limit: int) -> MemberPage:
    """Who belongs to the workspace."""
    with transaction(principal.workspace_id) as connection:
        rows = store.members(connection, after=id_in(cursor) or store.FIRST, limit=limit + 1)
    rows, following = next_page(rows, limit, "user_id")
    return MemberPage(items=[MemberAnswer(**row) for row in rows], next_cursor=following)


def add_member(principal: Principal, *, email: str, role: str) -> MemberAnswer:
    """Lets somebody with an account in. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as connection:
        user_id = store.user_by_email(connection, email)
        if user_id is None:
            raise NotFoundError("Nobody with this address has an account.")
        if not store.add_member(connection, workspace_id=principal.workspace_id, user_id=user_id, role=role):
            raise ConflictError("They are a member already.")
        return MemberAnswer(**_found(store.member(connection, user_id)))


def change_member(principal: Principal, *, user_id: UUID, role: str) -> MemberAnswer:
    """Gives a member another role. Raises: NotFoundError, LastAdminError."""
    with transaction(principal.workspace_id) as connection:
        _check_change(connection, user_id, role)
        store.set_role(connection, user_id=user_id, role=role)
        return MemberAnswer(**_found(store.member(connection, user_id)))


def remove_member(principal: Principal, *, user_id: UUID) -> None:
    """Takes a member out; anybody may leave by themselves. Raises: NotFoundError, LastAdminError."""
    if str(user_id) != principal.user_id:
        principal.require("admin", "workspace:write")
    with transaction(principal.workspace_id) as connection:
        _check_change(connection, user_id, None)
        store.remove_member(connection, user_id)


def _check_change(connection: Connection, user_id: UUID, new_role: str | None) -> None:
    roles = store.locked_roles(connection)
    if str(user_id) not in roles:
        raise NotFoundError("They are not a member.")
    rules.check_admin_left(roles, user_id=str(user_id), new_role=new_role)


def create_api_key(principal: Principal, *, wanted: ApiKeyRequest) -> NewApiKeyAnswer:
    """A key for programs. Raises: ForbiddenError, ValidationError."""
    rules.check_key_grant(principal, role=wanted.role, scopes=wanted.scopes)
    rules.check_expiry(wanted.expires_at)
    key = rules.new_api_key()
    with transaction(principal.workspace_id) as connection:
        row = store.add_api_key(
            connection,
            workspace_id=principal.workspace_id,
            name=wanted.name,
            key_hash=rules.api_key_hash(key),
            hint=key[: rules.HINT_CHARS],
            role=wanted.role,
            scopes=sorted(set(wanted.scopes)),
            created_by=principal.user_id,
            expires_at=wanted.expires_at,
        )
    return NewApiKeyAnswer.of(row, key)


def list_api_keys(principal: Principal, *, cursor: str | None, limit: int) -> ApiKeyPage:
    """The workspace's keys, without the keys themselves."""
    with transaction(principal.workspace_id) as connection:
        rows = store.api_keys(connection, after=id_in(cursor) or store.FIRST, limit=limit + 1)
    rows, following = next_page(rows, limit, "id")
    return ApiKeyPage(items=[ApiKeyAnswer(**row) for row in rows], next_cursor=following)


def revoke_api_key(principal: Principal, *, key_id: UUID) -> None:
    """Stops a key. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as connection:
        if not store.revoke_api_key(connection, key_id):
            raise NotFoundError("There is no such key.")


def _found(row: Row | None) -> dict[str, Any]:
    if row is None:
        raise NotFoundError
    return row


def _token_answer(tokens: Tokens) -> TokenAnswer:
    return TokenAnswer(
        access_token=tokens.access_token,
        id_token=tokens.id_token,
        refresh_token=tokens.refresh_token or None,
        expires_in=tokens.expires_in,
    )
