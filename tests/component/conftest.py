"""Handlers called the way API Gateway calls them."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import boto3
import pytest

from sightline import wiring
from sightline.principal import SCOPES, Principal
from sightline.settings import get_settings
from tests.conftest import Workspace
from tests.media_cloud import embedding, media_cloud, media_resources  # noqa: F401 - fixtures
from tests.model_fleet import lonely, model_store, swapping, two_containers  # noqa: F401 - fixtures

EVENTS = Path(__file__).resolve().parent.parent.parent / "events"
Handler = Callable[[dict[str, Any], Any], Any]


@dataclass
class LambdaContext:
    """What Lambda passes beside the event."""

    function_name: str = "tests"
    memory_limit_in_mb: int = 128
    invoked_function_arn: str = "arn:aws:lambda:eu-central-1:000000000000:function:tests"
    aws_request_id: str = field(default_factory=lambda: str(uuid4()))

    def get_remaining_time_in_millis(self) -> int:
        return 29_000


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def sample(name: str) -> dict[str, Any]:
    """A sample event, e.g. accounts_api/login."""
    event: dict[str, Any] = json.loads((EVENTS / f"{name}.json").read_text())
    return event


def invoke(handler: Handler, event: dict[str, Any]) -> Answer:
    """A handler's answer to an event of the HTTP API."""
    answer = handler(event, LambdaContext())
    assert not answer.get("isBase64Encoded"), "text went out base64-encoded"
    return Answer(answer["statusCode"], answer.get("headers", {}), answer.get("body", ""))


def call(
    handler: Handler,
    method: str,
    path: str,
    *,
    body: Any = None,
    query: str = "",
    principal: Principal | None = None,
    headers: dict[str, str] | None = None,
    source_ip: str = "192.0.2.1",
) -> Answer:
    """One request, as payload format 2.0; a str body goes as it is, anything else as JSON."""
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json", **(headers or {})},
        "requestContext": {
            "requestId": str(uuid4()),
            "http": {"method": method, "path": path, "sourceIp": source_ip},
        },
        "isBase64Encoded": False,
    }
    if principal is not None:
        event["requestContext"]["authorizer"] = {"lambda": principal.as_context()}
    if body is not None:
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    return invoke(handler, event)


def member_of(workspace: Workspace, role: str = "admin") -> Principal:
    """The workspace's maker, as the authorizer would describe them with this role."""
    return Principal(
        principal_id=str(workspace.user_id), kind="user", workspace_id=str(workspace.id), role=role
    )


def key_of(workspace: Workspace, role: str = "admin", scopes: tuple[str, ...] = SCOPES) -> Principal:
    """An API key of the workspace."""
    return Principal(
        principal_id=str(UUID(int=uuid4().int)),
        kind="api_key",
        workspace_id=str(workspace.id),
        role=role,
        scopes=frozenset(scopes),
    )


@dataclass(frozen=True)
class UserPool:
    """A user pool in the emulator; its confirmation code is always 123456."""

    id: str
    client_id: str


@pytest.fixture(scope="session")
def user_pool(emulator: str) -> Iterator[UserPool]:
    """A user pool with the settings of infra_cdk/identity.py, and our settings pointing at it."""
    cognito = boto3.client("cognito-idp", endpoint_url=emulator)
    pool = cognito.create_user_pool(
        PoolName="tests",
        UsernameAttributes=["email"],
        AutoVerifiedAttributes=["email"],
        Policies={"PasswordPolicy": {"MinimumLength": 12, "RequireUppercase": True, "RequireNumbers": True}},
    )["UserPool"]["Id"]
    client = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="tests",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        PreventUserExistenceErrors="ENABLED",
    )["UserPoolClient"]["ClientId"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", emulator)
        patch.setenv("SIGHTLINE_USER_POOL_ID", pool)
        patch.setenv("SIGHTLINE_USER_POOL_CLIENT_ID", client)
        patch.setenv("SIGHTLINE_COGNITO_URL", emulator)
        _forget_providers()
        yield UserPool(pool, client)
    _forget_providers()


def _forget_providers() -> None:
    get_settings.cache_clear()
    wiring.identity.cache_clear()
    wiring.token_verifier.cache_clear()


@pytest.fixture
def set_settings(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets fields of Settings for one test: set_settings(stage="prod")."""

    def to(**values: object) -> None:
        for name, value in values.items():
            monkeypatch.setenv(f"SIGHTLINE_{name.upper()}", str(value))
        _forget_providers()

    yield to
    monkeypatch.undo()
    _forget_providers()
