"""A stage's template together with those of the stacks inside it, as if it were one."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NESTED = "AWS::CloudFormation::Stack"


def whole(path: Path) -> dict[str, Any]:
    """The template at the path; what nested stacks are given by parameters is named where it is used."""
    body: dict[str, Any] = json.loads(path.read_text())
    inside = {
        name: properties.get("Properties", {}).get("Parameters", {})
        for name, properties in body["Resources"].items()
        if properties["Type"] == NESTED
    }
    for file in sorted(path.parent.glob("*.nested.template.json")):
        template = json.loads(file.read_text())
        for given in inside.values():
            if given.keys() == template.get("Parameters", {}).keys():
                body["Resources"] |= _put_in(template["Resources"], given)
    return body


def _put_in(part: Any, given: Mapping[str, Any]) -> Any:
    """A part of a nested template with its parameters replaced by what they are given."""
    if isinstance(part, dict):
        if part.keys() == {"Ref"} and part["Ref"] in given:
            return given[part["Ref"]]
        return {name: _put_in(one, given) for name, one in part.items()}
    return [_put_in(one, given) for one in part] if isinstance(part, list) else part
