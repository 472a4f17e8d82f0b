"""What goes over the wire about accounts."""

from datetime import datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, EmailStr, Field, SecretStr, StringConstraints

from sightline.principal import SCOPES, Role, Scope

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class Shape(BaseModel):
    """Closed: a misspelt field is refused, not ignored."""

    model_config = ConfigDict(extra="forbid")


class RegisterRequest(Shape):
    email: EmailStr
    password: SecretStr = Field(min_length=8, max_length=256)
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""


class RegisterAnswer(Shape):
    user_id: UUID
    confirmation_sent_to: str


class ConfirmRequest(Shape):
    email: EmailStr
    code: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class ConfirmAnswer(Shape):
    confirmed: bool


class AddressRequest(Shape):
    email: EmailStr


class CodeAnswer(Shape):
    requested: bool = Field(
        description="Always true: only the owner of the address learns whether a code was sent."
    )


class ResetRequest(ConfirmRequest):
    password: SecretStr = Field(min_length=8, max_length=256)


class ResetAnswer(Shape):
    reset: bool
    signed_out: bool = Field(
        description="Whether every session was ended; false for accounts with a second factor."
    )


class LoginRequest(Shape):
    email: EmailStr
    password: SecretStr = Field(min_length=1, max_length=256)


class RefreshRequest(Shape):
    refresh_token: SecretStr = Field(min_length=1, max_length=8192)


class TokenAnswer(Shape):
    access_token: str
    id_token: str
    refresh_token: str | None
    expires_in: int = Field(description="Life of the access token, in seconds.")
    token_type: str = "Bearer"  # noqa: S105 - RFC 6750's name


class Membership(Shape):
    id: UUID
    name: str
    role: Role


class UserAnswer(Shape):
    id: UUID
    email: str
    name: str
    preferences: dict[str, Any]
    workspaces: list[Membership]


class UserChange(Shape):
    name: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] | None = None
    preferences: dict[str, Any] | None = Field(default=None, description="Takes the place of the old ones.")


class WorkspaceRequest(Shape):
    name: Name


class WorkspaceChange(Shape):
    name: Name | None = None
    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Videos registered longer ago are deleted with all that shows them; null: never.",
    )


class WorkspaceAnswer(Shape):
    id: UUID
    name: str
    role: Role
    created_at: datetime
    retention_days: int | None


class WorkspacePage(Shape):
    items: list[WorkspaceAnswer]
    next_cursor: str | None


class MemberRequest(Shape):
    email: EmailStr
    role: Role


class MemberChange(Shape):
    role: Role


class MemberAnswer(Shape):
    user_id: UUID
    email: str
    name: str
    role: Role
    created_at: datetime


class MemberPage(Shape):
    items: list[MemberAnswer]
    next_cursor: str | None


class ApiKeyRequest(Shape):
    name: Name
    role: Role = "viewer"
    scopes: list[Scope] = Field(default_factory=lambda: list(SCOPES), min_length=1, max_length=len(SCOPES))
    expires_at: AwareDatetime | None = None


class ApiKeyAnswer(Shape):
    id: UUID
    name: str
    hint: str = Field(description="The key's first characters, to tell keys apart.")
    role: Role
    scopes: list[Scope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None


class NewApiKeyAnswer(ApiKeyAnswer):
    key: str = Field(description="Shown this once; only its hash is kept.")

    @classmethod
    def of(cls, row: dict[str, Any], key: str) -> Self:
        return cls(**row, key=key)


class ApiKeyPage(Shape):
    items: list[ApiKeyAnswer]
    next_cursor: str | None
