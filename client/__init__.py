"""Sightline's client: the Python class Sightline and the command `sightline`, on the public HTTP API."""

from client.api import Sightline
from client.errors import (
    ApiError,
    ClientError,
    ForbiddenError,
    IndexingError,
    NoAddressError,
    NotFoundError,
    NotSignedInError,
    StillIndexingError,
    StorageError,
    UnauthenticatedError,
    UnavailableError,
    UnreachableError,
)

__all__ = [
    "ApiError",
    "ClientError",
    "ForbiddenError",
    "IndexingError",
    "NoAddressError",
    "NotFoundError",
    "NotSignedInError",
    "Sightline",
    "StillIndexingError",
    "StorageError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnreachableError",
]
