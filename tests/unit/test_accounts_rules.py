"""What is allowed among accounts."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.accounts import rules
from sightline.errors import ForbiddenError, LastAdminError, ValidationError
from sightline.principal import ROLES, SCOPES, Principal, outranks

pytestmark = pytest.mark.unit


def somebody(role: str, *, kind: str = "user", scopes: frozenset[str] = frozenset()) -> Principal:
    return Principal(
        principal_id="p",
        kind="api_key" if kind == "api_key" else "user",
        workspace_id="w",
        role=role,
        scopes=scopes,
    )


def test_keys_are_unlike_and_hard_to_guess() -> None:
    keys = {rules.new_api_key() for _ in range(100)}
    assert len(keys) == 100
    assert all(rules.is_api_key(key) and len(key) == len("slk_") + 43 for key in keys)
    assert len({rules.api_key_hash(key) for key in keys}) == 100
    assert not rules.is_api_key("eyJhbGciOiJSUzI1NiJ9.e30.c2ln")


@given(st.sampled_from(ROLES), st.sampled_from(ROLES))
def test_a_key_never_outranks_its_maker(own: str, wanted: str) -> None:
    if outranks(own, wanted):
        rules.check_key_grant(somebody(own), role=wanted, scopes=SCOPES)
    else:
        with pytest.raises(ForbiddenError):
            rules.check_key_grant(somebody(own), role=wanted, scopes=SCOPES)


def test_a_key_hands_on_only_its_own_scopes() -> None:
    maker = somebody("admin", kind="api_key", scopes=frozenset({"search"}))
    rules.check_key_grant(maker, role="viewer", scopes=["search"])
    with pytest.raises(ForbiddenError):
        rules.check_key_grant(maker, role="viewer", scopes=["search", "assets:read"])


def test_an_expiry_lies_in_the_future() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    rules.check_expiry(None)
    rules.check_expiry(now + timedelta(seconds=1), now=now)
    with pytest.raises(ValidationError) as caught:
        rules.check_expiry(now, now=now)
    assert caught.value.errors[0]["field"] == "body.expires_at"


@given(
    st.dictionaries(st.sampled_from("abcd"), st.sampled_from(ROLES), min_size=1),
    st.sampled_from("abcde"),
    st.one_of(st.none(), st.sampled_from(ROLES)),
)
def test_no_change_takes_the_last_admin(roles: dict[str, str], user: str, new_role: str | None) -> None:
    had = "admin" in roles.values()
    left = {**roles, user: new_role}
    lost = had and roles.get(user) == "admin" and "admin" not in left.values()
    if lost:
        with pytest.raises(LastAdminError):
            rules.check_admin_left(roles, user_id=user, new_role=new_role)
    else:
        rules.check_admin_left(roles, user_id=user, new_role=new_role)


def test_preferences_have_a_largest_size() -> None:
    rules.check_preferences({"theme": "dark"})
    with pytest.raises(ValidationError):
        rules.check_preferences({"note": "x" * rules.MAX_PREFERENCES_BYTES})
