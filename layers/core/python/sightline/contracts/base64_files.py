"""Files inside JSON."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import EncodedBytes, EncoderProtocol
from pydantic_core import PydanticCustomError


class StrictBase64(EncoderProtocol):
    """Refuses what is not of the alphabet; the standard decoder would leave it out."""

    @classmethod
    def decode(cls, data: bytes) -> bytes:
        """Raises: PydanticCustomError."""
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as error:
            raise PydanticCustomError("base64", "not base64") from error

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        """As it goes over the wire."""
        return base64.b64encode(value)

    @classmethod
    def get_json_format(cls) -> str:
        """In a JSON schema."""
        return "base64"


Base64File = Annotated[bytes, EncodedBytes(encoder=StrictBase64)]
