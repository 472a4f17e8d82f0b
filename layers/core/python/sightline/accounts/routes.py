"""/v1/auth, /v1/users, /v1/workspaces and /v1/api-keys."""

from typing import Annotated
from uuid import UUID

from fastapi import Depends, Header, Path, Response

from sightline.accounts import erasures, pipeline
from sightline.accounts.erasures import ErasureAnswer, ErasurePage, ErasureStarted
from sightline.accounts.schemas import (
    AddressRequest,
    ApiKeyPage,
    ApiKeyRequest,
    CodeAnswer,
    ConfirmAnswer,
    ConfirmRequest,
    LoginRequest,
    MemberAnswer,
    MemberChange,
    MemberPage,
    MemberRequest,
    NewApiKeyAnswer,
    RefreshRequest,
    RegisterAnswer,
    RegisterRequest,
    ResetAnswer,
    ResetRequest,
    TokenAnswer,
    UserAnswer,
    UserChange,
    WorkspaceAnswer,
    WorkspaceChange,
    WorkspacePage,
    WorkspaceRequest,
)
from sightline.errors import NotFoundError, UnauthenticatedError
from sightline.http import (
    AnyPrincipal,
    CurrentUser,
    Cursor,
    Limit,
    Principal,
    create_router,
    port,
    rate_limited,
    require_role,
)
from sightline.ports.identity import Identity

router = create_router(prefix="/v1", tags=["accounts"])

People = Annotated[Identity, port(Identity)]
_AUTH_RATE = [rate_limited("auth", lambda settings: settings.auth_rate_per_minute)]
_KEY_RATE = [rate_limited("api-keys", lambda settings: settings.api_key_rate_per_minute)]
_NO_STORE = "no-store"


def bearer_token(authorization: Annotated[str, Header(max_length=10_000)] = "") -> str:
    """The caller's access token."""
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise UnauthenticatedError("This address needs a bearer token.")
    return token.strip()


AccessToken = Annotated[str, Depends(bearer_token)]


@router.post("/auth/register", status_code=201, dependencies=_AUTH_RATE)
def register(body: RegisterRequest, identity: People) -> RegisterAnswer:
    """Makes an account; a confirmation code goes to its address."""
    made = identity.sign_up(email=body.email, password=body.password.get_secret_value(), name=body.name)
    return RegisterAnswer(user_id=UUID(made.user_id), confirmation_sent_to=made.confirmation_sent_to)


@router.post("/auth/confirm", dependencies=_AUTH_RATE)
def confirm(body: ConfirmRequest, identity: People) -> ConfirmAnswer:
    """Confirms an address with the code sent to it."""
    identity.confirm(email=body.email, code=body.code)
    return ConfirmAnswer(confirmed=True)


@router.post("/auth/resend-code", dependencies=_AUTH_RATE)
def resend_code(body: AddressRequest, identity: People) -> CodeAnswer:
    """Sends another confirmation code, where an account waits for one."""
    identity.resend_code(email=body.email)
    return CodeAnswer(requested=True)


@router.post("/auth/forgot-password", dependencies=_AUTH_RATE)
def forgot_password(body: AddressRequest, identity: People) -> CodeAnswer:
    """Sends a code to set a new password with, where the address has a confirmed account."""
    identity.forgot_password(email=body.email)
    return CodeAnswer(requested=True)


@router.post("/auth/reset-password", dependencies=_AUTH_RATE)
def reset_password(body: ResetRequest, identity: People) -> ResetAnswer:
    """Sets a new password with the code that was sent, and ends every session."""
    return pipeline.reset_password(
        identity, email=body.email, code=body.code, password=body.password.get_secret_value()
    )


@router.post("/auth/login", dependencies=_AUTH_RATE)
def login(body: LoginRequest, identity: People, response: Response) -> TokenAnswer:
    """Tokens for an address and a password."""
    response.headers["Cache-Control"] = _NO_STORE
    return pipeline.sign_in(identity, email=body.email, password=body.password.get_secret_value())


@router.post("/auth/refresh", dependencies=_AUTH_RATE)
def refresh(body: RefreshRequest, identity: People, response: Response) -> TokenAnswer:
    """A new access token for a refresh token."""
    response.headers["Cache-Control"] = _NO_STORE
    return pipeline.refresh(identity, refresh_token=body.refresh_token.get_secret_value())


@router.post("/auth/logout", status_code=204, dependencies=_AUTH_RATE)
def logout(token: AccessToken, identity: People) -> None:
    """Ends every session of the caller: refresh tokens stop working."""
    identity.sign_out(access_token=token)


@router.get("/users/me")
def me(principal: CurrentUser, token: AccessToken, identity: People) -> UserAnswer:
    """The signed-in person and their workspaces."""
    return pipeline.me(identity, user_id=principal.principal_id, access_token=token)


@router.put("/users/me")
def change_me(body: UserChange, principal: CurrentUser, token: AccessToken, identity: People) -> UserAnswer:
    """Replaces the name or the preferences."""
    pipeline.change_me(user_id=principal.principal_id, change=body)
    return pipeline.me(identity, user_id=principal.principal_id, access_token=token)


@router.delete("/users/me", status_code=204)
def delete_me(principal: CurrentUser, token: AccessToken, identity: People) -> None:
    """Deletes the account, and the workspaces that only it belongs to."""
    pipeline.delete_me(identity, user_id=principal.principal_id, access_token=token)


@router.post("/workspaces", status_code=201)
def create_workspace(body: WorkspaceRequest, principal: CurrentUser) -> WorkspaceAnswer:
    """Makes a workspace; its maker is its admin."""
    return pipeline.create_workspace(user_id=principal.principal_id, name=body.name)


@router.get("/workspaces")
def list_workspaces(principal: AnyPrincipal, cursor: Cursor = None, limit: Limit = 50) -> WorkspacePage:
    """The caller's workspaces."""
    return pipeline.list_workspaces(principal, cursor=cursor, limit=limit)


def entered(workspace_id: Annotated[UUID, Path()], principal: AnyPrincipal) -> None:
    """The path and X-Workspace-Id name the same workspace, or there is nothing here."""
    if str(workspace_id) != principal.workspace_id:
        raise NotFoundError


_IN_WORKSPACE = [Depends(entered)]
Reader = Annotated[Principal, require_role("viewer", "workspace:read")]
Admin = Annotated[Principal, require_role("admin", "workspace:write")]


@router.get("/workspaces/{workspace_id}", dependencies=_IN_WORKSPACE)
def read_workspace(principal: Reader) -> WorkspaceAnswer:
    """One workspace."""
    return pipeline.read_workspace(principal)


@router.patch("/workspaces/{workspace_id}", dependencies=_IN_WORKSPACE)
def change_workspace(body: WorkspaceChange, principal: Admin) -> WorkspaceAnswer:
    """Gives it another name, or another number of days after which its videos are deleted."""
    return pipeline.change_workspace(principal, body)


@router.delete("/workspaces/{workspace_id}", status_code=202, dependencies=_IN_WORKSPACE)
def delete_workspace(principal: Admin) -> ErasureStarted:
    """Closes it and purges what it holds; GET /v1/users/me/erasures/{id} proves it."""
    return pipeline.delete_workspace(principal)


@router.get("/erasures")
def list_erasures(principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> ErasurePage:
    """What was deleted in the workspace, newest first: by whom asks, and by its retention."""
    return erasures.list_erasures(principal, cursor=cursor, limit=limit)


@router.get("/erasures/{erasure_id}")
def read_erasure(erasure_id: UUID, principal: Reader) -> ErasureAnswer:
    """What was removed of a deleted video, and that nothing is left."""
    return erasures.read_erasure(principal, erasure_id)


@router.get("/users/me/erasures/{erasure_id}")
def read_my_erasure(erasure_id: UUID, principal: CurrentUser) -> ErasureAnswer:
    """A deletion that the caller asked for, also of a workspace that is gone."""
    return erasures.read_my_erasure(principal, erasure_id)


@router.get("/workspaces/{workspace_id}/members", dependencies=_IN_WORKSPACE)
def list_members(principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> MemberPage:
    """Who belongs to it."""
    return pipeline.list_members(principal, cursor=cursor, limit=limit)


@router.post("/workspaces/{workspace_id}/members", status_code=201, dependencies=_IN_WORKSPACE)
def add_member(body: MemberRequest, principal: Admin) -> MemberAnswer:
    """Lets somebody with an account in."""
    return pipeline.add_member(principal, email=body.email, role=body.role)


@router.patch("/workspaces/{workspace_id}/members/{user_id}", dependencies=_IN_WORKSPACE)
def change_member(user_id: UUID, body: MemberChange, principal: Admin) -> MemberAnswer:
    """Gives a member another role."""
    return pipeline.change_member(principal, user_id=user_id, role=body.role)


@router.delete("/workspaces/{workspace_id}/members/{user_id}", status_code=204, dependencies=_IN_WORKSPACE)
def remove_member(user_id: UUID, principal: Reader) -> None:
    """Takes a member out, or leaves."""
    pipeline.remove_member(principal, user_id=user_id)


@router.post("/api-keys", status_code=201, dependencies=_KEY_RATE)
def create_api_key(body: ApiKeyRequest, principal: Admin, response: Response) -> NewApiKeyAnswer:
    """Makes a key for programs. This answer shows it, and no other ever will."""
    response.headers["Cache-Control"] = _NO_STORE
    return pipeline.create_api_key(principal, wanted=body)


@router.get("/api-keys")
def list_api_keys(principal: Admin, cursor: Cursor = None, limit: Limit = 50) -> ApiKeyPage:
    """The keys in use."""
    return pipeline.list_api_keys(principal, cursor=cursor, limit=limit)


@router.delete("/api-keys/{key_id}", status_code=204)
def revoke_api_key(key_id: UUID, principal: Admin) -> None:
    """Stops a key at once, or as soon as the authorizer's cache forgets it."""
    pipeline.revoke_api_key(principal, key_id=key_id)
