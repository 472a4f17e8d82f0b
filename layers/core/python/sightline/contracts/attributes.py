"""The custom attributes header: `a=1;b=2`, the only header of our own that InvokeEndpoint carries."""

from __future__ import annotations

from typing import Any


class WireError(ValueError):
    """Bytes or attributes that are not of the agreed form; the message says which and why."""


def write_attributes(fields: dict[str, Any]) -> str:
    """`a=1;b=2`: visible ASCII only, as the header demands."""
    return ";".join(f"{name}={value}" for name, value in fields.items())


def read_attributes(attributes: str) -> dict[str, str]:
    """The pairs of `a=1;b=2`. Raises: WireError on a pair without `=` and on a name given twice."""
    pairs = [part.partition("=") for part in attributes.split(";") if part.strip()]
    if any(not separator for _, separator, _ in pairs):
        raise WireError("custom attributes are name=value pairs, separated by ;")
    fields = {name.strip(): value.strip() for name, _, value in pairs}
    if len(fields) != len(pairs):
        raise WireError("a custom attribute is given twice")
    return fields
