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
    fields: dict[str, str] = {}
    for part in filter(str.strip, attributes.split(";")):
        name, separator, value = part.partition("=")
        if not separator:
            raise WireError("custom attributes are name=value pairs, separated by ;")
        if (name := name.strip()) in fields:
            raise WireError("a custom attribute is given twice")
        fields[name] = value.strip()
    return fields
