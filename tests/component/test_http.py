"""What every route has in common: how it fails, who may call it, how large a body may be."""

import asyncio
import json
from typing import Annotated, Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from functions.accounts_api.handler import handler as accounts
from sightline import idempotency
from sightline.database import transaction
from sightline.errors import EndpointUnavailableError
from sightline.http import (
    MAX_BODY_BYTES,
    Principal,
    as_lambda,
    create_app,
    create_router,
    rate_limited,
    require_role,
)
from sightline.principal import SCOPES
from tests.component.conftest import Answer, Handler, call, key_of, member_of
from tests.conftest import Database, Workspace

pytestmark = pytest.mark.component

ALL = frozenset(SCOPES)
SECRET = "4111-1111-1111-1111"


class Thing(BaseModel):
    """A body."""

    model_config = ConfigDict(extra="forbid")

    size: int = Field(ge=1)
    label: Annotated[str, Field(max_length=5)] = ""


def things() -> Handler:
    """An app of one small domain."""
    router = create_router(prefix="/v1/things", tags=["things"])

    @router.post("")
    def make(body: Thing, principal: Annotated[Principal, require_role("editor", "assets:write")]) -> Thing:
        return body

    @router.get("", dependencies=[rate_limited("things", lambda _: 2)])
    def read(principal: Annotated[Principal, require_role("viewer", "assets:read")]) -> dict[str, str]:
        return {"by": principal.principal_id}

    @router.get("/busy")
    def busy() -> None:
        raise EndpointUnavailableError(retry_after_s=7)

    @router.get("/broken")
    def broken() -> None:
        raise RuntimeError(f"card {SECRET} was refused")

    @router.post("/accepted", status_code=202)
    def accepted(body: Thing) -> Thing:
        if body.size == 13:
            raise RuntimeError("unlucky")
        return body

    return as_lambda(create_app(router))


@pytest.fixture(scope="module")
def app() -> Handler:
    return things()


def test_a_known_failure_is_a_problem_with_retry_after(app: Handler) -> None:
    answer = call(app, "GET", "/v1/things/busy")
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.json == {
        "type": "/problems/endpoint-unavailable",
        "title": "The model does not answer",
        "status": 503,
        "detail": "The model does not answer",
        "code": "endpoint-unavailable",
        "retryable": True,
        "trace_id": answer.json["trace_id"],
    }


def test_it_answers_whatever_became_of_the_threads_event_loop(app: Handler) -> None:
    # GIVEN code that ran a loop of its own, as asyncio.run does, and left none behind
    asyncio.run(asyncio.sleep(0))

    # WHEN the next request comes THEN it is answered
    assert call(app, "GET", "/v1/things/busy").status == 503


def test_an_unknown_failure_has_a_fixed_text_and_a_trace_id_found_in_the_log(
    app: Handler, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-68a0-abc;Parent=53995c3f42cd8ad8;Sampled=0")
    answer = call(app, "GET", "/v1/things/broken")
    assert (answer.status, answer.json["code"], answer.json["retryable"]) == (500, "internal-error", True)
    assert answer.json["trace_id"] == "1-68a0-abc"
    assert SECRET not in answer.text
    assert "request failed unexpectedly" in [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize(
    ("body", "status", "fields"),
    [
        ("", 422, {"body"}),
        ("null", 422, {"body"}),
        ("[]", 422, {"body"}),
        ('{"size": 0}', 422, {"body.size"}),
        ('{"size": "many"}', 422, {"body.size"}),
        ('{"size": 1, "label": "' + SECRET + '"}', 422, {"body.label"}),
        ('{"size": 1, "' + SECRET + '": 1}', 422, {"body.*"}),
        ('{"size": 1', 400, set()),
        ("\x00\xff", 400, set()),
        ("[" * 100_000, 400, set()),
    ],
    ids=range(10),
)
def test_a_wrong_body_names_its_fields_and_is_not_repeated(
    app: Handler, workspace: Workspace, body: str, status: int, fields: set[str]
) -> None:
    answer = call(app, "POST", "/v1/things", body=body, principal=member_of(workspace))
    assert answer.status == status, answer.text
    assert {error["field"] for error in answer.json.get("errors", [])} == fields
    assert SECRET not in answer.text


def test_addresses_without_a_route_answer_in_the_same_form(app: Handler) -> None:
    for method, path, status, code in (
        ("GET", "/v1/nothing", 404, "not-found"),
        ("GET", "/v1/things/", 404, "not-found"),
        ("GET", "/../etc/passwd", 404, "not-found"),
        ("DELETE", "/v1/things", 405, "method-not-allowed"),
    ):
        answer = call(app, method, path)
        assert (answer.status, answer.json["code"]) == (status, code), path
        assert answer.headers["content-type"] == "application/problem+json"
    assert call(app, "DELETE", "/v1/things").headers["allow"] == "GET, POST"


def test_a_body_has_a_largest_size(app: Handler, workspace: Workspace) -> None:
    large = json.dumps({"size": 1, "label": "x" * MAX_BODY_BYTES})
    answer = call(app, "POST", "/v1/things", body=large, principal=member_of(workspace))
    assert (answer.status, answer.json["code"]) == (413, "payload-too-large")


def test_roles_and_scopes_decide(app: Handler, workspace: Workspace) -> None:
    body = {"size": 1}
    expected = {
        "viewer": 403,
        "editor": 200,
        "admin": 200,
        "owner": 403,
        "": 403,
    }
    for role, status in expected.items():
        assert (
            call(app, "POST", "/v1/things", body=body, principal=member_of(workspace, role)).status == status
        )
    reader = key_of(workspace, "admin", ("assets:read",))
    refused = call(app, "POST", "/v1/things", body=body, principal=reader)
    assert (refused.status, refused.json["code"]) == (403, "forbidden")
    assert call(app, "GET", "/v1/things", principal=reader).status == 200


def test_without_a_principal_or_a_workspace_nothing_is_allowed(app: Handler) -> None:
    assert call(app, "GET", "/v1/things").status == 401
    nowhere = Principal(principal_id=str(uuid4()), kind="user", role="admin")
    assert call(app, "GET", "/v1/things", principal=nowhere).status == 403


def test_a_header_cannot_make_a_principal(app: Handler, workspace: Workspace) -> None:
    headers = {"x-workspace-id": str(workspace.id), "principal_id": str(workspace.user_id), "role": "admin"}
    assert call(app, "GET", "/v1/things", headers=headers).status == 401


def test_the_rate_is_counted_per_principal(app: Handler, workspace: Workspace) -> None:
    callers = key_of(workspace), key_of(workspace)
    statuses = [call(app, "GET", "/v1/things", principal=callers[0]).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    limited = call(app, "GET", "/v1/things", principal=callers[0])
    assert 1 <= int(limited.headers["retry-after"]) <= 30
    assert call(app, "GET", "/v1/things", principal=callers[1]).status == 200


def test_a_key_whose_request_broke_is_free_again(app: Handler, workspace: Workspace) -> None:
    headers, principal = {"idempotency-key": uuid4().hex}, member_of(workspace)
    for _ in "12":
        broken = call(
            app, "POST", "/v1/things/accepted", body={"size": 13}, principal=principal, headers=headers
        )
        assert broken.status == 500


def test_a_request_still_at_work_is_not_done_twice(app: Handler, workspace: Workspace) -> None:
    """The same key arrives again while the first request is inside its handler."""
    principal, body = member_of(workspace), json.dumps({"size": 1})
    first = idempotency.claim_for(
        workspace_id=principal.workspace_id,
        principal_id=principal.principal_id,
        method="POST",
        path="/v1/things/accepted",
        key="at-work",
        body=body.encode(),
    )
    assert idempotency.begin(first) is None

    def second() -> Answer:
        return call(
            app,
            "POST",
            "/v1/things/accepted",
            body=body,
            principal=principal,
            headers={"idempotency-key": "at-work"},
        )

    busy = second()
    assert (busy.status, busy.json["code"], busy.json["retryable"]) == (409, "request-in-progress", True)
    assert busy.headers["retry-after"] == "1"
    with transaction(workspace.id) as connection:  # its process died
        connection.execute("UPDATE idempotency SET claimed_until = now() - interval '1 second'")
    assert second().status == 202
    assert second().headers["idempotency-replayed"] == "true"


def test_a_workspace_that_went_while_the_authorizer_remembers_it_is_a_conflict(database: Database) -> None:
    gone = Principal(
        principal_id=str(uuid4()), kind="api_key", workspace_id=str(uuid4()), role="admin", scopes=ALL
    )
    for headers in ({}, {"idempotency-key": "k"}):
        answer = call(accounts, "POST", "/v1/api-keys", body={"name": "k"}, principal=gone, headers=headers)
        assert (answer.status, answer.json["code"]) == (409, "conflict")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"]),
    path=st.sampled_from(
        ["/v1/workspaces", "/v1/api-keys", "/v1/users/me", "/v1/auth/login", "/v1/workspaces/{}/members/{}"]
    ),
    part=st.text(max_size=40),
    body=st.one_of(
        st.none(),
        st.text(max_size=200),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
            ),
        ),
    ),
)
def test_whatever_is_sent_the_answer_is_ours(
    database: Database, method: str, path: str, part: str, body: Any
) -> None:
    """No input of any shape makes an account route fail unexpectedly."""
    principal = Principal(principal_id=str(uuid4()), kind="user", workspace_id=str(uuid4()), role="admin")
    if path == "/v1/users/me" and method in ("GET", "PUT", "DELETE"):
        path += "/x"  # these ask the identity provider: see test_accounts.py
    if path == "/v1/auth/login":
        method = "GET"
    answer = call(accounts, method, path.format(part, part), body=body, principal=principal)
    assert answer.status < 500, answer.text
    if answer.status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json["code"]
