"""Every operation of the document, with good and bad requests made from its own description.

No answer is a 5xx, and none is one that the document does not announce: status, content type and shape.
Operations are read from the document, so that a new route is tried as soon as it has one.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send

from functions.accounts_api.handler import handler as accounts
from sightline import wiring
from sightline.openapi import full_app, openapi_document
from sightline.principal import Principal
from sightline.settings import Settings, get_settings
from tests.component.conftest import UserPool, call, member_of
from tests.conftest import Database, new_workspace
from tests.endpoint_process import EndpointProcess
from tests.media_cloud import MediaCloud

pytestmark = pytest.mark.component

SEED = 20261120
EXAMPLES = 8
PASSWORD = "Correct-horse-7-battery"
OPERATIONS = [
    (method, path)
    for path, methods in openapi_document()["paths"].items()
    for method in methods
    if method in ("get", "post", "put", "patch", "delete")
]
TRIES = settings(
    max_examples=EXAMPLES,
    phases=[Phase.generate],
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


class Gateway:
    """What API Gateway and the authorizer add to a request: who calls, and from where."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.caller: Principal | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Rates are counted by address before sign-in, and are not what is tried here.
        http = {"method": scope.get("method"), "path": scope.get("path"), "sourceIp": uuid4().hex}
        context: dict[str, Any] = {"requestId": uuid4().hex, "http": http}
        if self.caller:
            context["authorizer"] = {"lambda": self.caller.as_context()}
        await self.app({**scope, "aws.event": {"requestContext": context}}, receive, send)


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    return Gateway(full_app())


@pytest.fixture(scope="module")
def client(gateway: Gateway) -> Iterator[Any]:
    from schemathesis.python.asgi import get_client

    with get_client(gateway) as client:
        yield client


@pytest.fixture(scope="module")
def api() -> Any:
    import schemathesis

    return schemathesis.openapi.from_dict(openapi_document())


@pytest.fixture(scope="module")
def cloud(
    emulator: str, media_resources: MediaCloud, inference_endpoint: EndpointProcess, user_pool: UserPool
) -> Iterator[None]:
    """Whatever a route may ask of AWS is asked of the emulator; whatever it names there is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", emulator)
        patch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", inference_endpoint.url)
        patch.setenv("SIGHTLINE_ENDPOINT_NAME", "tests")
        patch.setenv("SIGHTLINE_MEDIA_BUCKET", media_resources.bucket)
        patch.setenv("SIGHTLINE_EVENT_BUS_NAME", media_resources.bucket)
        named = {
            "_queue_url": media_resources.purge_queue,
            "_machine_arn": media_resources.state_machine,
            "_key_arn": boto3.client("kms").create_key()["KeyMetadata"]["Arn"],
        }
        for name in Settings.model_fields:
            for ending, value in named.items():
                if name.endswith(ending):
                    patch.setenv(f"SIGHTLINE_{name.upper()}", value)
        _forget()
        yield
    _forget()


def _forget() -> None:
    """Settings and providers are made anew from the environment."""
    get_settings.cache_clear()
    for made in vars(wiring).values():
        if hasattr(made, "cache_clear"):
            made.cache_clear()


@pytest.fixture(scope="module")
def token(cloud: None, database: Database) -> str:
    """Of somebody who signed in."""
    account = {"email": f"{uuid4().hex}@example.org", "password": PASSWORD}
    code = {"email": account["email"], "code": "123456"}
    for path, body in (("register", account), ("confirm", code), ("login", account)):
        answer = call(accounts, "POST", f"/v1/auth/{path}", body=body, source_ip=uuid4().hex)
        assert answer.status < 300, answer.text
    return str(answer.json["access_token"])


def known(client: Any, caller: Principal, path: str) -> dict[str, str]:
    """Values of a path's parameters that are there."""
    there = {"workspace_id": caller.workspace_id, "user_id": caller.principal_id}
    if "{asset_id}" in path:
        body = {"name": "drive.mp4", "content_type": "video/mp4", "size_bytes": 1000}
        made = client.post("http://testserver/v1/assets", json=body)
        there["asset_id"] = made.json()["asset"]["id"]
    return {name: value for name, value in there.items() if "{" + name + "}" in path}


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=lambda part: part)
def test_every_answer_is_documented(
    method: str, path: str, api: Any, client: Any, token: str, gateway: Gateway
) -> None:
    from schemathesis.generation import GenerationMode
    from schemathesis.specs.openapi import checks

    operation = api[path][method]
    gateway.caller = member_of(new_workspace())
    there = known(client, gateway.caller, path)
    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    near = operation.as_strategy(path_parameters=there) if there else good
    documented = [
        checks.status_code_conformance,
        checks.content_type_conformance,
        checks.response_headers_conformance,
        checks.response_schema_conformance,
    ]

    @TRIES
    @seed(SEED)
    @given(case=st.one_of(near, near, good, bad))
    def answers_as_documented(case: Any) -> None:
        response = case.call(session=client, headers={"Authorization": f"Bearer {token}"})
        assert response.status_code < 500, response.text
        case.validate_response(response, checks=documented)

    answers_as_documented()
