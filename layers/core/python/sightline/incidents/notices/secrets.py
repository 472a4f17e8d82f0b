"""What a channel needs by its kind: which of it is a secret, and where it may lead."""

from typing import Any

from pydantic import SecretStr

from sightline.errors import ConflictError
from sightline.incidents.notices import rules
from sightline.incidents.notices.schemas import ChannelChange, ChannelKind, ChannelRequest
from sightline.incidents.rules import invalid
from sightline.settings import get_settings

NEEDED: dict[ChannelKind, tuple[str, ...]] = {
    "slack": ("url",),
    "slack_bot": ("token", "signing_secret", "conversation"),
    "email": ("addresses",),
}
SECRETS: dict[ChannelKind, tuple[str, ...]] = {
    "slack": ("url",),
    "slack_bot": ("token", "signing_secret"),
    "email": (),
}
_OPTIONAL = {"slack_bot": ("api_url",)}
_FIELDS = ("url", "token", "signing_secret", "conversation", "api_url", "addresses")


def settings_of(wanted: ChannelRequest) -> dict[str, Any]:
    """Where it leads, as far as that is no secret.

    Raises: ValidationError, ForbiddenAddressError, ConflictError.
    """
    allowed = {*NEEDED[wanted.kind], *_OPTIONAL.get(wanted.kind, ())}
    for name in _FIELDS:
        given = getattr(wanted, name) is not None
        if given and name not in allowed:
            raise invalid(f"body.{name}", f"A channel of the kind {wanted.kind} has none.")
        if not given and name in NEEDED[wanted.kind]:
            raise invalid(f"body.{name}", f"A channel of the kind {wanted.kind} needs it.")
    if wanted.kind == "email":
        if not get_settings().mail_from:
            raise ConflictError("This stage sends no mail: SIGHTLINE_MAIL_FROM is not set.")
        return {"addresses": [str(one) for one in wanted.addresses or []]}
    if wanted.kind == "slack":
        return {}
    api_url = wanted.api_url or rules.SLACK_API
    rules.check_slack_api(api_url, loopback=get_settings().webhook_loopback)
    return {"conversation": wanted.conversation, "api_url": api_url}


def first_secrets(wanted: ChannelRequest) -> dict[str, str]:
    """Raises: ForbiddenAddressError."""
    return _checked({name: getattr(wanted, name) for name in SECRETS[wanted.kind]})


def changed_secrets(kind: ChannelKind, change: ChannelChange) -> dict[str, str]:
    """All of them anew: those that are there cannot be read here.

    Raises: ValidationError, ForbiddenAddressError.
    """
    given = {name for name in ("url", "token", "signing_secret") if getattr(change, name) is not None}
    for name in given - set(SECRETS[kind]):
        raise invalid(f"body.{name}", f"A channel of the kind {kind} has none.")
    for name in (set(SECRETS[kind]) - given) if given else ():
        raise invalid(f"body.{name}", "Give token and signing secret together.")
    return _checked({name: getattr(change, name) for name in given})


def _checked(secrets: dict[str, SecretStr]) -> dict[str, str]:
    plain = {name: value.get_secret_value() for name, value in secrets.items()}
    if "url" in plain:
        rules.check_slack_address(plain["url"], loopback=get_settings().webhook_loopback)
    for name in {"token", "signing_secret"} & plain.keys():
        if not plain[name].isascii() or not plain[name].isprintable() or " " in plain[name]:
            raise invalid(f"body.{name}", "It has letters, digits and dashes.")
    return plain
