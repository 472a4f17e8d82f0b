"""Accounts as a person uses them: every call through the handler, on Postgres and the emulator's Cognito."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from functions.accounts_api.handler import handler as accounts
from functions.authorizer.handler import handler as authorizer
from sightline.database import transaction
from sightline.principal import Principal, principal_from
from tests.component.conftest import Answer, LambdaContext, UserPool, call, invoke, sample
from tests.conftest import Database

pytestmark = pytest.mark.component

PASSWORD = "Correct-horse-7-battery"
RESET_CODE = "654321"  # what the emulated user pool sends everybody


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


def test_an_account_needs_its_code_before_it_signs_in(database: Database, user_pool: UserPool) -> None:
    account = {"email": f"{uuid4().hex}@example.org", "password": PASSWORD}
    assert call(accounts, "POST", "/v1/auth/register", body=account).status == 201
    early = call(accounts, "POST", "/v1/auth/login", body=account)
    assert (early.status, early.json["code"]) == (403, "unconfirmed-account")
    wrong = call(accounts, "POST", "/v1/auth/confirm", body={"email": account["email"], "code": "000000"})
    assert (wrong.status, wrong.json["code"]) == (400, "invalid-code")


def test_an_address_registers_once_and_a_weak_password_not_at_all(ada: Person) -> None:
    again = call(accounts, "POST", "/v1/auth/register", body={"email": ada.email, "password": PASSWORD})
    assert (again.status, again.json["code"]) == (409, "account-exists")
    weak = call(
        accounts,
        "POST",
        "/v1/auth/register",
        body={"email": f"{uuid4().hex}@example.org", "password": "a" * 12},
    )
    assert (weak.status, weak.json["code"]) == (422, "weak-password")


def test_a_wrong_password_and_an_unknown_address_answer_alike(ada: Person) -> None:
    wrong = call(accounts, "POST", "/v1/auth/login", body={"email": ada.email, "password": "not-it"})
    unknown = call(
        accounts, "POST", "/v1/auth/login", body={"email": "nobody@example.org", "password": "not-it"}
    )
    assert wrong.status == unknown.status == 401
    assert {**wrong.json, "trace_id": ""} == {**unknown.json, "trace_id": ""}
    assert wrong.json["code"] == "invalid-credentials"


def test_another_code_is_sent_and_nobody_learns_who_has_an_account(ada: Person) -> None:
    waiting = {"email": f"{uuid4().hex}@example.org", "password": PASSWORD}
    assert call(accounts, "POST", "/v1/auth/register", body=waiting).status == 201
    for email in (waiting["email"], ada.email, f"{uuid4().hex}@example.org"):
        for path in ("/v1/auth/resend-code", "/v1/auth/forgot-password"):
            answer = call(accounts, "POST", path, body={"email": email})
            assert (answer.status, answer.json) == (200, {"requested": True}), path
    assert call(accounts, "POST", "/v1/auth/resend-code", body={"email": "ada"}).status == 422


def test_a_forgotten_password_is_replaced_by_code(ada: Person) -> None:
    new = "Another-horse-8-battery"
    assert call(accounts, "POST", "/v1/auth/forgot-password", body={"email": ada.email}).status == 200
    for email, code in ((ada.email, "000000"), (f"{uuid4().hex}@example.org", RESET_CODE)):
        body = {"email": email, "code": code, "password": new}
        wrong = call(accounts, "POST", "/v1/auth/reset-password", body=body)
        assert (wrong.status, wrong.json["code"]) == (400, "invalid-code")
    body = {"email": ada.email, "code": RESET_CODE, "password": "a" * 12}
    weak = call(accounts, "POST", "/v1/auth/reset-password", body=body)
    assert (weak.status, weak.json["code"]) == (422, "weak-password")
    reset = call(accounts, "POST", "/v1/auth/reset-password", body={**body, "password": new})
    assert (reset.status, reset.json) == (200, {"reset": True, "signed_out": True}), reset.text
    for password, status in ((PASSWORD, 401), (new, 200)):
        login = call(accounts, "POST", "/v1/auth/login", body={"email": ada.email, "password": password})
        assert login.status == status


def test_a_refresh_token_gives_an_access_token_that_is_let_in(ada: Person) -> None:
    answer = call(accounts, "POST", "/v1/auth/refresh", body={"refresh_token": ada.tokens["refresh_token"]})
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    assert let_in(f"Bearer {answer.json['access_token']}") is not None
    refused = call(accounts, "POST", "/v1/auth/refresh", body={"refresh_token": "made-up"})
    assert (refused.status, refused.json["code"]) == (401, "unauthenticated")


def test_logout_needs_a_token_and_ends_the_session_at_the_provider(ada: Person) -> None:
    assert call(accounts, "POST", "/v1/auth/logout").status == 401
    assert call(accounts, "POST", "/v1/auth/logout", headers={"authorization": ada.bearer}).status == 204
    made_up = call(accounts, "POST", "/v1/auth/logout", headers={"authorization": "Bearer made-up"})
    assert (made_up.status, made_up.json["code"]) == (401, "unauthenticated")


def test_a_person_changes_their_name_and_preferences(ada: Person) -> None:
    changed = ada.call("PUT", "/v1/users/me", body={"preferences": {"theme": "dark", "columns": [1, 2]}})
    assert (changed.status, changed.json["name"]) == (200, "Ada")
    assert changed.json["preferences"] == {"theme": "dark", "columns": [1, 2]}
    renamed = ada.call("PUT", "/v1/users/me", body={"name": "Ada L."})
    assert renamed.json["preferences"] == {"theme": "dark", "columns": [1, 2]}
    assert ada.call("GET", "/v1/users/me").json["name"] == "Ada L."
    too_large = ada.call("PUT", "/v1/users/me", body={"preferences": {"note": "x" * 20_000}})
    assert (too_large.status, too_large.json["errors"][0]["field"]) == (422, "body.preferences")


def test_a_deleted_account_is_gone_with_its_personal_workspace(ada: Person) -> None:
    home = home_of(ada)
    assert ada.principal(home) is not None
    assert ada.call("DELETE", "/v1/users/me").status == 204
    assert ada.principal(home) is None
    for method in ("GET", "DELETE"):
        assert ada.call(method, "/v1/users/me").status == 401, "a token that outlives its account"
    login = call(accounts, "POST", "/v1/auth/login", body={"email": ada.email, "password": PASSWORD})
    assert login.status == 401


def test_workspaces_are_made_listed_renamed_and_closed(ada: Person) -> None:
    made = ada.call("POST", "/v1/workspaces", body={"name": "  Night drives "})
    assert (made.status, made.json["name"], made.json["role"]) == (201, "Night drives", "admin")
    one, path = made.json["id"], f"/v1/workspaces/{made.json['id']}"
    assert ada.call("PATCH", path, body={"name": "Rain"}, workspace=one).json["name"] == "Rain"
    assert ada.call("GET", path, workspace=one).json["name"] == "Rain"
    assert {w["id"] for w in ada.call("GET", "/v1/workspaces").json["items"]} == {home_of(ada), one}
    assert ada.call("DELETE", path, workspace=one).status == 202
    assert ada.principal(one) is None
    assert [w["id"] for w in ada.call("GET", "/v1/workspaces").json["items"]] == [home_of(ada)]


def test_lists_are_read_page_by_page(ada: Person) -> None:
    wanted = {home_of(ada)}
    wanted |= {ada.call("POST", "/v1/workspaces", body={"name": f"W{n}"}).json["id"] for n in range(4)}
    principal, seen, cursor = ada.principal(), [], ""
    while cursor is not None:
        query = f"limit=2&cursor={cursor}" if cursor else "limit=2"
        page = call(accounts, "GET", "/v1/workspaces", query=query, principal=principal).json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(wanted) == 5
    assert set(seen) == wanted


@pytest.mark.parametrize("cursor", ["x", "AAAA", "WyJub3QtYS11dWlkIl0", "WzFd", "%C3%A9", "eyJhIjoxfQ"])
def test_a_tampered_cursor_is_refused(ada: Person, cursor: str) -> None:
    answer = call(accounts, "GET", "/v1/workspaces", query=f"cursor={cursor}", principal=ada.principal())
    assert (answer.status, answer.json["code"]) == (400, "invalid-cursor")


def test_members_come_with_a_role_and_go(ada: Person, ben: Person) -> None:
    home = home_of(ada)
    members = f"/v1/workspaces/{home}/members"
    assert ben.principal(home) is None
    added = ada.call("POST", members, body={"email": ben.email.upper(), "role": "viewer"}, workspace=home)
    assert (added.status, added.json["email"], added.json["role"]) == (201, ben.email, "viewer")
    again = ada.call("POST", members, body={"email": ben.email, "role": "admin"}, workspace=home)
    assert again.status == 409
    listed = ben.call("GET", members, workspace=home)
    assert {m["email"]: m["role"] for m in listed.json["items"]} == {ada.email: "admin", ben.email: "viewer"}
    assert ben.call("PATCH", f"/v1/workspaces/{home}", body={"name": "Mine"}, workspace=home).status == 403
    one = f"{members}/{added.json['user_id']}"
    assert ada.call("PATCH", one, body={"role": "editor"}, workspace=home).json["role"] == "editor"
    assert ada.call("DELETE", one, workspace=home).status == 204
    assert ben.principal(home) is None
    assert ada.call("DELETE", one, workspace=home).status == 404


def test_only_somebody_with_an_account_can_be_added(ada: Person) -> None:
    home = home_of(ada)
    body = {"email": "nobody@example.org", "role": "viewer"}
    assert ada.call("POST", f"/v1/workspaces/{home}/members", body=body, workspace=home).status == 404


def test_the_last_admin_stays_until_there_is_another(ada: Person, ben: Person) -> None:
    home = home_of(ada)
    members = f"/v1/workspaces/{home}/members"
    me = ada.call("GET", "/v1/users/me").json["id"]
    added = ada.call("POST", members, body={"email": ben.email, "role": "editor"}, workspace=home)
    for refused in (
        ada.call("DELETE", f"{members}/{me}", workspace=home),
        ada.call("PATCH", f"{members}/{me}", body={"role": "viewer"}, workspace=home),
        ada.call("DELETE", "/v1/users/me"),
    ):
        assert (refused.status, refused.json["code"]) == (409, "last-admin")
    ada.call("PATCH", f"{members}/{added.json['user_id']}", body={"role": "admin"}, workspace=home)
    assert ada.call("DELETE", f"{members}/{me}", workspace=home).status == 204
    assert ada.principal(home) is None
    assert ben.call("GET", f"/v1/workspaces/{home}", workspace=home).status == 200


def test_a_member_may_leave_but_not_throw_others_out(ada: Person, ben: Person) -> None:
    home = home_of(ada)
    members = f"/v1/workspaces/{home}/members"
    ada_id = ada.call("GET", "/v1/users/me").json["id"]
    ben_id = ada.call("POST", members, body={"email": ben.email, "role": "viewer"}, workspace=home).json[
        "user_id"
    ]
    assert ben.call("DELETE", f"{members}/{ada_id}", workspace=home).status == 403
    assert ben.call("DELETE", f"{members}/{ben_id}", workspace=home).status == 204
    assert ben.principal(home) is None


def test_another_workspaces_ids_are_not_there(ada: Person, ben: Person) -> None:
    mine, theirs = home_of(ada), home_of(ben)
    ben_id = ben.call("GET", "/v1/users/me").json["id"]
    key = ben.call("POST", "/v1/api-keys", body={"name": "k"}, workspace=theirs).json["id"]
    assert ada.principal(theirs) is None
    for method, path, body in (
        ("GET", f"/v1/workspaces/{theirs}", None),
        ("PATCH", f"/v1/workspaces/{theirs}", {"name": "mine"}),
        ("DELETE", f"/v1/workspaces/{theirs}", None),
        ("GET", f"/v1/workspaces/{theirs}/members", None),
        ("PATCH", f"/v1/workspaces/{mine}/members/{ben_id}", {"role": "viewer"}),
        ("DELETE", f"/v1/workspaces/{mine}/members/{ben_id}", None),
        ("DELETE", f"/v1/api-keys/{key}", None),
    ):
        answer = ada.call(method, path, body=body, workspace=mine)
        assert (answer.status, answer.json["code"]) == (404, "not-found"), (method, path)


def test_a_key_is_shown_once_works_and_is_revoked(ada: Person) -> None:
    home = home_of(ada)
    wanted = {"name": "Nightly", "role": "editor", "scopes": ["assets:write"]}
    made = ada.call("POST", "/v1/api-keys", body=wanted, workspace=home)
    assert made.status == 201
    assert made.headers["cache-control"] == "no-store"
    key = made.json["key"]
    assert key.startswith("slk_")
    assert len(key) >= 40
    (listed,) = ada.call("GET", "/v1/api-keys", workspace=home).json["items"]
    assert "key" not in listed
    assert (listed["hint"], listed["last_used_at"]) == (key[:10], None)

    principal = let_in(f"Bearer {key}", home)
    assert principal is not None
    assert (principal.kind, principal.workspace_id, principal.role) == ("api_key", home, "editor")
    assert principal.scopes == {"assets:write"}
    (listed,) = ada.call("GET", "/v1/api-keys", workspace=home).json["items"]
    assert listed["last_used_at"] is not None

    assert ada.call("DELETE", f"/v1/api-keys/{listed['id']}", workspace=home).status == 204
    assert let_in(f"Bearer {key}", home) is None
    assert ada.call("DELETE", f"/v1/api-keys/{listed['id']}", workspace=home).status == 404
    assert ada.call("GET", "/v1/api-keys", workspace=home).json["items"] == []


def test_a_key_works_in_its_own_workspace_only_and_finds_it(ada: Person, ben: Person) -> None:
    home, other = home_of(ada), home_of(ben)
    key = ada.call("POST", "/v1/api-keys", body={"name": "k"}, workspace=home).json["key"]
    assert let_in(f"Bearer {key}", other) is None
    principal = let_in(f"Bearer {key}")
    assert principal is not None
    listed = call(accounts, "GET", "/v1/workspaces", principal=principal)
    assert [w["id"] for w in listed.json["items"]] == [home]
    refused = call(accounts, "GET", "/v1/users/me", principal=principal)
    assert (refused.status, refused.json["code"]) == (403, "forbidden")


def test_a_key_ends_with_its_workspace_and_with_its_time(ada: Person, database: Database) -> None:
    home = home_of(ada)
    ada.call("POST", "/v1/workspaces", body={"name": "kept"})
    soon = "2999-01-01T00:00:00Z"
    made = ada.call("POST", "/v1/api-keys", body={"name": "k", "expires_at": soon}, workspace=home).json
    assert let_in(f"Bearer {made['key']}", home) is not None
    with transaction(home) as connection:
        connection.execute(
            "UPDATE api_key SET expires_at = now() - interval '1 second' WHERE id = %s", (made["id"],)
        )
    assert let_in(f"Bearer {made['key']}", home) is None
    other = ada.call("POST", "/v1/api-keys", body={"name": "k"}, workspace=home).json["key"]
    ada.call("DELETE", f"/v1/workspaces/{home}", workspace=home)
    assert let_in(f"Bearer {other}", home) is None


def test_nobody_makes_a_key_that_can_more_than_they(ada: Person) -> None:
    home = home_of(ada)
    for body in ({"name": "k", "expires_at": "2001-01-01T00:00:00Z"}, {"name": "k", "scopes": []}):
        assert ada.call("POST", "/v1/api-keys", body=body, workspace=home).status == 422
    weaker = ada.call(
        "POST",
        "/v1/api-keys",
        body={"name": "k", "role": "admin", "scopes": ["workspace:write"]},
        workspace=home,
    )
    principal = let_in(f"Bearer {weaker.json['key']}", home)
    more = call(
        accounts, "POST", "/v1/api-keys", body={"name": "x", "scopes": ["search"]}, principal=principal
    )
    assert (more.status, more.json["code"]) == (403, "forbidden")


def test_the_same_idempotency_key_creates_once(ada: Person) -> None:
    headers, principal = {"idempotency-key": uuid4().hex}, ada.principal()
    body = {"name": "Once"}
    first, second = (
        call(accounts, "POST", "/v1/workspaces", body=body, principal=principal, headers=headers)
        for _ in "12"
    )
    assert first.status == second.status == 201
    assert first.json == second.json
    assert second.headers["idempotency-replayed"] == "true"
    assert len(ada.call("GET", "/v1/workspaces").json["items"]) == 2
    other = call(
        accounts, "POST", "/v1/workspaces", body={"name": "Else"}, principal=principal, headers=headers
    )
    assert (other.status, other.json["code"]) == (422, "idempotency-key-reused")
    too_long = call(
        accounts,
        "POST",
        "/v1/workspaces",
        body=body,
        principal=principal,
        headers={"idempotency-key": "k" * 201},
    )
    assert too_long.status == 400


def test_an_idempotency_key_belongs_to_who_sent_it(ada: Person, ben: Person) -> None:
    headers = {"idempotency-key": "shared"}
    made = [
        call(accounts, "POST", "/v1/workspaces", body={"name": "W"}, principal=p.principal(), headers=headers)
        for p in (ada, ben)
    ]
    assert made[0].json["id"] != made[1].json["id"]


def test_a_repeated_key_creation_does_not_show_the_key_again(ada: Person) -> None:
    home, headers = home_of(ada), {"idempotency-key": uuid4().hex}
    principal = ada.principal(home)
    first, second = (
        call(accounts, "POST", "/v1/api-keys", body={"name": "k"}, principal=principal, headers=headers)
        for _ in "12"
    )
    assert first.status == 201
    assert (second.status, second.json["code"]) == (409, "already-created")
    with transaction(home) as connection:
        kept = connection.execute("SELECT count(*) AS n FROM idempotency WHERE body IS NOT NULL").fetchone()
    assert kept == {"n": 0}
    assert len(ada.call("GET", "/v1/api-keys", workspace=home).json["items"]) == 1


def test_a_failed_creation_can_be_repeated_with_its_key(ada: Person) -> None:
    home, headers = home_of(ada), {"idempotency-key": uuid4().hex}
    principal, path = ada.principal(home), f"/v1/workspaces/{home}/members"
    body = {"email": f"{uuid4().hex}@example.org", "role": "viewer"}
    for _ in "12":
        assert call(accounts, "POST", path, body=body, principal=principal, headers=headers).status == 404


def test_sign_in_is_limited_per_source_address(
    database: Database, user_pool: UserPool, set_settings: Callable[..., None]
) -> None:
    set_settings(auth_rate_per_minute=3)
    body = {"email": "nobody@example.org", "password": "guess"}

    def attempt(source_ip: str) -> Answer:
        return call(accounts, "POST", "/v1/auth/login", body=body, source_ip=source_ip)

    answers = [attempt("203.0.113.7") for _ in range(4)]
    assert [answer.status for answer in answers] == [401, 401, 401, 429]
    assert answers[-1].json["retryable"] is True
    assert 1 <= int(answers[-1].headers["retry-after"]) <= 20
    assert attempt("203.0.113.8").status == 401


def test_sample_events_answer_as_documented(database: Database, user_pool: UserPool) -> None:
    for name, status in {
        "register": 201,
        "register_invalid": 422,
        "login": 403,
        "login_malformed": 400,
        "resend_code": 200,
        "forgot_password": 200,
        "reset_password": 200,
        "create_api_key_as_viewer": 403,
        "unknown_route": 404,
    }.items():
        answer = invoke(accounts, sample(f"accounts_api/{name}"))
        assert answer.status == status, (name, answer.text)


def test_a_problem_names_the_field_and_repeats_nothing(database: Database, user_pool: UserPool) -> None:
    answer = invoke(accounts, sample("accounts_api/register_invalid"))
    assert answer.headers["content-type"] == "application/problem+json"
    assert {error["field"] for error in answer.json["errors"]} == {"body.email", "body.password", "body.*"}
    for secret in ("not-an-address", "short", "shoe_size", "43"):
        assert secret not in answer.text
