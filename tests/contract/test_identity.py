"""One body over both user pools: the emulator's and moto's, through the same adapter."""

from collections.abc import Iterator
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from sightline.errors import (
    AccountExistsError,
    IdentityUnavailableError,
    InvalidCodeError,
    InvalidCredentialsError,
    UnauthenticatedError,
    UnconfirmedAccountError,
    WeakPasswordError,
)
from sightline.ports.identity import Identity
from sightline.providers.cognito import CognitoIdentity

pytestmark = pytest.mark.contract

PASSWORD = "Correct-horse-7-battery"


def new_pool(endpoint: str | None = None) -> str:
    """The client id of a new pool with the settings of infra_cdk/identity.py."""
    cognito = boto3.client("cognito-idp", endpoint_url=endpoint)
    pool = cognito.create_user_pool(
        PoolName="contract",
        UsernameAttributes=["email"],
        AutoVerifiedAttributes=["email"],
        Policies={"PasswordPolicy": {"MinimumLength": 12, "RequireUppercase": True, "RequireNumbers": True}},
    )["UserPool"]["Id"]
    client: str = cognito.create_user_pool_client(
        UserPoolId=pool,
        ClientName="contract",
        ExplicitAuthFlows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
        PreventUserExistenceErrors="ENABLED",
    )["UserPoolClient"]["ClientId"]
    return client


@pytest.fixture
def in_the_emulator(emulator: str, monkeypatch: pytest.MonkeyPatch) -> Identity:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", emulator)
    return CognitoIdentity(client_id=new_pool(emulator))


@pytest.fixture
def in_moto(monkeypatch: pytest.MonkeyPatch) -> Iterator[Identity]:
    monkeypatch.delenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", raising=False)
    with mock_aws():
        yield CognitoIdentity(client_id=new_pool())


@pytest.fixture(params=["in_the_emulator", "in_moto"])
def identity(request: pytest.FixtureRequest) -> Identity:
    chosen: Identity = request.getfixturevalue(request.param)
    return chosen


def address() -> str:
    return f"{uuid4().hex}@example.org"


def test_from_registration_to_signing_out(identity: Identity) -> None:
    email = address()
    made = identity.sign_up(email=email, password=PASSWORD, name="Ada")
    assert made.user_id
    with pytest.raises(UnconfirmedAccountError):
        identity.sign_in(email=email, password=PASSWORD)
    identity.confirm(email=email, code="123456")

    tokens = identity.sign_in(email=email, password=PASSWORD)
    assert tokens.expires_in > 0
    profile = identity.profile(access_token=tokens.access_token)
    assert (profile.email, profile.name, profile.user_id) == (email, "Ada", made.user_id)

    refreshed = identity.refresh(refresh_token=tokens.refresh_token)
    assert identity.profile(access_token=refreshed.access_token) == profile
    identity.sign_out(access_token=refreshed.access_token)


def test_an_address_has_one_account(identity: Identity) -> None:
    email = address()
    identity.sign_up(email=email, password=PASSWORD, name="")
    with pytest.raises(AccountExistsError):
        identity.sign_up(email=email, password=PASSWORD, name="")


def test_a_weak_password_is_refused(identity: Identity) -> None:
    with pytest.raises(WeakPasswordError):
        identity.sign_up(email=address(), password="aaaaaaaaaaaa", name="")


def test_a_wrong_password_tells_nothing(identity: Identity) -> None:
    email = address()
    identity.sign_up(email=email, password=PASSWORD, name="")
    identity.confirm(email=email, code="123456")
    with pytest.raises(InvalidCredentialsError) as wrong:
        identity.sign_in(email=email, password="Wrong-horse-7-battery")
    with pytest.raises(InvalidCredentialsError) as unknown:
        identity.sign_in(email=address(), password=PASSWORD)
    assert str(wrong.value) == str(unknown.value)
    assert email not in str(wrong.value)


def test_tokens_that_nobody_gave_are_refused(identity: Identity) -> None:
    with pytest.raises(UnauthenticatedError):
        identity.refresh(refresh_token="made-up")
    for use in (identity.profile, identity.sign_out):
        with pytest.raises(UnauthenticatedError):
            use(access_token="made-up")


def test_an_address_that_its_user_did_not_confirm_is_not_theirs(in_the_emulator: Identity) -> None:
    """Somebody writes another's address into their own account; moto loses the session on that."""
    email, victim = address(), address()
    in_the_emulator.sign_up(email=email, password=PASSWORD, name="")
    in_the_emulator.confirm(email=email, code="123456")
    tokens = in_the_emulator.sign_in(email=email, password=PASSWORD)
    attributes = [{"Name": "email", "Value": victim}, {"Name": "email_verified", "Value": "false"}]
    cognito = boto3.client("cognito-idp")
    cognito.update_user_attributes(AccessToken=tokens.access_token, UserAttributes=attributes)
    assert in_the_emulator.profile(access_token=tokens.access_token).email == ""


def test_a_wrong_code_and_an_unknown_address_tell_the_same(in_the_emulator: Identity) -> None:
    """moto checks no codes."""
    email = address()
    in_the_emulator.sign_up(email=email, password=PASSWORD, name="")
    for who in (email, address()):
        with pytest.raises(InvalidCodeError):
            in_the_emulator.confirm(email=who, code="000000")


def test_a_deleted_account_is_gone(in_the_emulator: Identity) -> None:
    """moto has no DeleteUser."""
    email = address()
    in_the_emulator.sign_up(email=email, password=PASSWORD, name="")
    in_the_emulator.confirm(email=email, code="123456")
    tokens = in_the_emulator.sign_in(email=email, password=PASSWORD)
    in_the_emulator.delete(access_token=tokens.access_token)
    with pytest.raises(UnauthenticatedError):
        in_the_emulator.profile(access_token=tokens.access_token)
    with pytest.raises(InvalidCredentialsError):
        in_the_emulator.sign_in(email=email, password=PASSWORD)


def test_asking_for_codes_tells_nothing(identity: Identity) -> None:
    """Nothing is raised for an account that waits, one that does not, and none."""
    waiting, confirmed = address(), address()
    for email in (waiting, confirmed):
        identity.sign_up(email=email, password=PASSWORD, name="")
    identity.confirm(email=confirmed, code="123456")
    for email in (waiting, confirmed, address()):
        identity.forgot_password(email=email)


def test_a_password_is_set_anew_by_its_code(identity: Identity) -> None:
    email = address()
    identity.sign_up(email=email, password=PASSWORD, name="")
    identity.confirm(email=email, code="123456")
    identity.forgot_password(email=email)
    identity.reset_password(email=email, code="654321", password="Another-horse-8-battery")
    assert identity.sign_in(email=email, password="Another-horse-8-battery").access_token
    with pytest.raises(InvalidCredentialsError):
        identity.sign_in(email=email, password=PASSWORD)


def test_codes_are_sent_again_and_wrong_ones_refused(in_the_emulator: Identity) -> None:
    """moto has no ResendConfirmationCode and checks no codes."""
    email = address()
    in_the_emulator.sign_up(email=email, password=PASSWORD, name="")
    for who in (email, address()):
        in_the_emulator.resend_code(email=who)
    in_the_emulator.confirm(email=email, code="123456")
    in_the_emulator.forgot_password(email=email)
    for who in (email, address()):
        with pytest.raises(InvalidCodeError):
            in_the_emulator.reset_password(email=who, code="000000", password="Another-horse-8-battery")


def test_a_provider_that_is_away_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", "http://127.0.0.1:1")
    with pytest.raises(IdentityUnavailableError):
        CognitoIdentity(client_id="none").sign_in(email=address(), password=PASSWORD)
