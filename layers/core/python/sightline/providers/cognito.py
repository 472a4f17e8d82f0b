"""Accounts and sign-in by a Cognito user pool."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sightline.errors import (
    AccountExistsError,
    ConflictError,
    IdentityUnavailableError,
    InvalidCodeError,
    InvalidCredentialsError,
    RateLimitedError,
    SightlineError,
    UnauthenticatedError,
    UnconfirmedAccountError,
    ValidationError,
    WeakPasswordError,
)
from sightline.ports.identity import Profile, Registration, Tokens

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_cognito_idp.type_defs import AuthenticationResultTypeTypeDef

# API Gateway ends a request at 30 s: two tries of 10 s leave time to answer.
_CONFIG = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})

# Source: the errors listed with each operation in the Cognito API reference.
_ERRORS: dict[str, type[SightlineError]] = {
    "UsernameExistsException": AccountExistsError,
    "AliasExistsException": AccountExistsError,
    "InvalidPasswordException": WeakPasswordError,
    "InvalidParameterException": ValidationError,
    "CodeMismatchException": InvalidCodeError,
    "ExpiredCodeException": InvalidCodeError,
    "UserNotConfirmedException": UnconfirmedAccountError,
    "LimitExceededException": RateLimitedError,
    "TooManyRequestsException": RateLimitedError,
    "TooManyFailedAttemptsException": RateLimitedError,
}
_RETRY_AFTER_S = 30
# Not there, confirmed already, without a confirmed address, disabled, signed in by Google: to whoever only
# knows an address, all of these are one answer.
_UNTOLD = (
    "UserNotFoundException",
    "UserNotConfirmedException",
    "InvalidParameterException",
    "NotAuthorizedException",
)


class CognitoIdentity:
    """The user pool, through one public app client."""

    def __init__(self, *, client_id: str) -> None:
        self._client_id = client_id

    @cached_property
    def _cognito(self) -> "CognitoIdentityProviderClient":
        return boto3.client("cognito-idp", config=_CONFIG)

    def sign_up(self, *, email: str, password: str, name: str) -> Registration:
        """Makes an unconfirmed account."""
        attributes = [{"Name": "email", "Value": email}]
        if name:
            attributes.append({"Name": "name", "Value": name})
        with _translated(ValidationError, unknown_user=ValidationError):
            made = self._cognito.sign_up(
                ClientId=self._client_id,
                Username=email,
                Password=password,
                UserAttributes=attributes,  # type: ignore[arg-type]
            )
        sent_to = made.get("CodeDeliveryDetails", {}).get("Destination", "")
        return Registration(user_id=made["UserSub"], confirmation_sent_to=sent_to)

    def confirm(self, *, email: str, code: str) -> None:
        """Confirms an account; an unknown one answers like a wrong code."""
        with _translated(ConflictError, unknown_user=InvalidCodeError):
            self._cognito.confirm_sign_up(ClientId=self._client_id, Username=email, ConfirmationCode=code)

    def resend_code(self, *, email: str) -> None:
        """Another confirmation code; an account that waits for none, and no account, answer alike."""
        with _translated(ConflictError, unknown_user=ConflictError), _untold():
            self._cognito.resend_confirmation_code(ClientId=self._client_id, Username=email)

    def forgot_password(self, *, email: str) -> None:
        """A code to set a new password with; an unknown account, or one that cannot, answers alike."""
        with _translated(ConflictError, unknown_user=ConflictError), _untold():
            self._cognito.forgot_password(ClientId=self._client_id, Username=email)

    def reset_password(self, *, email: str, code: str, password: str) -> None:
        """Sets a new password by the code; an unknown account answers like a wrong code."""
        with _translated(InvalidCodeError, unknown_user=InvalidCodeError):
            self._cognito.confirm_forgot_password(
                ClientId=self._client_id, Username=email, ConfirmationCode=code, Password=password
            )

    def sign_in(self, *, email: str, password: str) -> Tokens:
        """Tokens for a password; an unknown account answers like a wrong password."""
        with _translated(InvalidCredentialsError, unknown_user=InvalidCredentialsError):
            answer = self._cognito.initiate_auth(
                ClientId=self._client_id,
                AuthFlow="USER_PASSWORD_AUTH",
                AuthParameters={"USERNAME": email, "PASSWORD": password},
            )
        if "AuthenticationResult" not in answer:
            raise ConflictError("This account signs in with a second factor, through the hosted page only.")
        return _tokens(answer["AuthenticationResult"])

    def refresh(self, *, refresh_token: str) -> Tokens:
        """A new access token."""
        with _translated(UnauthenticatedError, unknown_user=UnauthenticatedError):
            answer = self._cognito.initiate_auth(
                ClientId=self._client_id,
                AuthFlow="REFRESH_TOKEN_AUTH",
                AuthParameters={"REFRESH_TOKEN": refresh_token},
            )
        return _tokens(answer["AuthenticationResult"])

    def profile(self, *, access_token: str) -> Profile:
        """Who an access token belongs to."""
        with _translated(UnauthenticatedError, unknown_user=UnauthenticatedError):
            user = self._cognito.get_user(AccessToken=access_token)
        attributes = {item["Name"]: item.get("Value", "") for item in user["UserAttributes"]}
        # Anybody may write any address into their attributes, and Cognito then marks it unconfirmed.
        confirmed = attributes.get("email_verified") != "false"
        return Profile(
            user_id=attributes["sub"],
            email=attributes.get("email", "") if confirmed else "",
            name=attributes.get("name", ""),
        )

    def sign_out(self, *, access_token: str) -> None:
        """Revokes every refresh token of the user."""
        with _translated(UnauthenticatedError, unknown_user=UnauthenticatedError):
            self._cognito.global_sign_out(AccessToken=access_token)

    def delete(self, *, access_token: str) -> None:
        """Deletes the user whose token this is."""
        with _translated(UnauthenticatedError, unknown_user=UnauthenticatedError):
            self._cognito.delete_user(AccessToken=access_token)


def _tokens(result: "AuthenticationResultTypeTypeDef") -> Tokens:
    return Tokens(
        access_token=result["AccessToken"],
        id_token=result["IdToken"],
        refresh_token=result.get("RefreshToken", ""),
        expires_in=result["ExpiresIn"],
    )


@contextmanager
def _untold() -> Iterator[None]:
    """Does not let out what would tell whether an address has an account."""
    try:
        yield
    except ClientError as error:
        if error.response["Error"]["Code"] not in _UNTOLD:
            raise


@contextmanager
def _translated(
    not_authorized: type[SightlineError], *, unknown_user: type[SightlineError]
) -> Iterator[None]:
    """Cognito's errors as ours. Its messages stay out: some repeat what was sent."""
    try:
        yield
    except ClientError as error:
        code = error.response["Error"]["Code"]
        here = {"NotAuthorizedException": not_authorized, "UserNotFoundException": unknown_user}
        kind = (_ERRORS | here).get(code, IdentityUnavailableError)
        wait_s = _RETRY_AFTER_S if kind is RateLimitedError else None
        raise kind(retry_after_s=wait_s) from error
    except BotoCoreError as error:
        raise IdentityUnavailableError from error
