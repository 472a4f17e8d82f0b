"""Who is calling, as it travels through API Gateway."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.errors import ForbiddenError, UnauthenticatedError
from sightline.principal import ROLES, SCOPES, Principal, principal_from

pytestmark = pytest.mark.unit


def event(context: object) -> dict[str, object]:
    return {"requestContext": {"authorizer": {"lambda": context}}}


@given(
    st.builds(
        Principal,
        principal_id=st.uuids().map(str),
        kind=st.sampled_from(["user", "api_key"]),
        workspace_id=st.one_of(st.just(""), st.uuids().map(str)),
        role=st.sampled_from(["", *ROLES]),
        scopes=st.frozensets(st.sampled_from(SCOPES)),
    )
)
def test_a_principal_survives_the_trip_as_strings(principal: Principal) -> None:
    context = principal.as_context()
    assert all(isinstance(value, str) for value in context.values())
    assert principal_from(event(context)) == principal


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"requestContext": {}},
        {"requestContext": {"authorizer": None}},
        {"requestContext": {"authorizer": {"jwt": {"claims": {"sub": "x"}}}}},
        event(None),
        event({"principal_kind": "user"}),
        event({"principal_kind": "root", "principal_id": "x"}),
        event({"principal_kind": "user", "principal_id": ""}),
    ],
)
def test_without_the_authorizers_word_nobody_is_calling(broken: dict[str, object]) -> None:
    with pytest.raises(UnauthenticatedError):
        principal_from(broken)


def test_a_scope_binds_keys_and_a_role_binds_everybody() -> None:
    key = Principal("k", "api_key", "w", "editor", frozenset({"search"}))
    key.require("editor", "search")
    user = Principal("u", "user", "w", "editor")
    user.require("editor", "assets:write")
    for role, scope in (("admin", "search"), ("viewer", "assets:read")):
        with pytest.raises(ForbiddenError):
            key.require(role, scope)  # type: ignore[arg-type]
    assert (key.user_id, user.user_id) == (None, "u")
