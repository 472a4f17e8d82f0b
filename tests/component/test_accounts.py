"""Accounts as a person uses them: every call through the handler, on Postgres and the emulator's Cognito."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from functions.accounts_api.handler import handler as accounts
from functions.authorizer.handler import handler as authorizer
from sightline.principal import Principal, principal_from
from tests.component.conftest import Answer, LambdaContext, UserPool, call, invoke, sample
from tests.conftest import Database

pytestmark = pytest.mark.component

PASSWORD = "Correct-horse-7-battery"


@dataclass
class Person:
    """Somebody with an account, who calls through the authorizer like everybody."""

    email: str
    tokens: dict[str, Any]

    def call(self, method: str, path: str, *, body: Any = None, workspace: str | None = None) -> Answer:
        principal = self.principal(workspace)
        assert principal is not None, "the authorizer denies"
        return call(
            accounts,
            method,
            path,
            body=body,
            principal=principal,
            headers={"authorization": self.bearer, "x-workspace-id": workspace or ""},
        )

    @property
    def bearer(self) -> str:
        return f"Bearer {self.tokens['access_token']}"

    def principal(self, workspace: str | None = None) -> Principal | None:
        sources = [self.bearer] if workspace is None else [self.bearer, workspace]
        return let_in(*sources)


def let_in(*sources: str) -> Principal | None:
    """Whom the authorizer lets in, or None."""
    answer = authorizer(
        {"version": "2.0", "type": "REQUEST", "identitySource": list(sources)}, LambdaContext()
    )
    if not answer["isAuthorized"]:
        return None
    return principal_from({"requestContext": {"authorizer": {"lambda": answer["context"]}}})


@pytest.fixture
def ada(database: Database, user_pool: UserPool) -> Person:
    return sign_up("Ada")


@pytest.fixture
def ben(database: Database, user_pool: UserPool) -> Person:
    return sign_up("Ben")


def sign_up(name: str) -> Person:
    email = f"{name.lower()}-{uuid4().hex}@example.org"
    account = {"email": email, "password": PASSWORD}
    # An address of its own per person: the rate limit counts by source address before sign-in.
    ip = f"198.51.100.{uuid4().int}"
    registered = call(accounts, "POST", "/v1/auth/register", body={**account, "name": name}, source_ip=ip)
    assert registered.status == 201, registered.text
    confirmed = call(
        accounts, "POST", "/v1/auth/confirm", body={"email": email, "code": "123456"}, source_ip=ip
    )
    assert confirmed.status == 200, confirmed.text
    login = call(accounts, "POST", "/v1/auth/login", body=account, source_ip=ip)
    assert login.status == 200, login.text
    return Person(email, login.json)


def home_of(person: Person) -> str:
    workspaces: list[dict[str, str]] = person.call("GET", "/v1/users/me").json["workspaces"]
    return workspaces[0]["id"]


def test_first_login_makes_an_account_and_a_personal_workspace(ada: Person) -> None:
    me = ada.call("GET", "/v1/users/me")
    assert me.status == 200
    assert (me.json["email"], me.json["name"], me.json["preferences"]) == (ada.email, "Ada", {})
    assert [(w["name"], w["role"]) for w in me.json["workspaces"]] == [("Personal", "admin")]
