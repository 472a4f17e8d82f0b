"""The only place that knows which provider stands behind a port."""

from functools import cache

from sightline.ports import Identity
from sightline.settings import get_settings


@cache
def identity() -> Identity:
    """Accounts and sign-in."""
    from sightline.providers.cognito import CognitoIdentity

    settings = get_settings()
    return CognitoIdentity(pool_id=settings.user_pool_id, client_id=settings.user_pool_client_id)
