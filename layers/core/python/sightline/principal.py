"""Who is calling: what the authorizer found out and passed on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from sightline.errors import ForbiddenError, UnauthenticatedError

Role = Literal["viewer", "editor", "admin"]
Scope = Literal["assets:read", "assets:write", "search", "workspace:read", "workspace:write"]

ROLES: tuple[Role, ...] = get_args(Role)
SCOPES: tuple[Scope, ...] = get_args(Scope)


def outranks(role: str, needed: str) -> bool:
    """Whether a role includes another: viewer < editor < admin."""
    return role in ROLES and ROLES.index(role) >= ROLES.index(needed)


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or an API key; workspace_id and role are empty on routes about the user alone."""

    principal_id: str
    kind: Literal["user", "api_key"]
    workspace_id: str = ""
    role: str = ""
    scopes: frozenset[str] = frozenset()

    @property
    def user_id(self) -> str | None:
        """The user's id; None for an API key."""
        return self.principal_id if self.kind == "user" else None

    def require(self, role: Role, scope: Scope | None = None) -> None:
        """Raises: ForbiddenError where role or scope is missing."""
        if not self.workspace_id or not outranks(self.role, role):
            raise ForbiddenError(f"This needs the role {role}.")
        if scope and self.kind == "api_key" and scope not in self.scopes:
            raise ForbiddenError(f"This API key lacks the scope {scope}.")

    def as_context(self) -> dict[str, str]:
        """The authorizer's context: API Gateway passes strings on."""
        return {
            "principal_id": self.principal_id,
            "principal_kind": self.kind,
            "workspace_id": self.workspace_id,
            "role": self.role,
            "scopes": " ".join(sorted(self.scopes)),
        }


def principal_from(event: Mapping[str, Any]) -> Principal:
    """The principal in an API Gateway event. Raises: UnauthenticatedError."""
    authorizer = event.get("requestContext", {}).get("authorizer") or {}
    context = authorizer.get("lambda") or {}
    kind = context.get("principal_kind")
    if kind not in ("user", "api_key") or not context.get("principal_id"):
        raise UnauthenticatedError("This address needs a bearer token.")
    return Principal(
        principal_id=context["principal_id"],
        kind=kind,
        workspace_id=context.get("workspace_id") or "",
        role=context.get("role") or "",
        scopes=frozenset((context.get("scopes") or "").split()),
    )
