"""Findings of cdk-nag that we live with, each with its reason."""

from typing import Any

from aws_cdk import Acknowledgment, Stack, Validations
from constructs import IConstruct


def accept(where: IConstruct, finding: str, reason: str) -> None:
    """Accepts one finding on one construct and everything below it."""
    Validations.of(where).acknowledge(Acknowledgment(id=finding, reason=reason))


def accept_wildcard(where: IConstruct, resource: str, reason: str) -> None:
    """Accepts one resource pattern with a star in it, and no other, in a role's policy."""
    accept(where, f"AwsSolutions-IAM5[Resource::{_spelled(Stack.of(where).resolve(resource))}]", reason)


def _spelled(value: Any) -> str:
    """A resolved token the way cdk-nag writes it: references in angle brackets."""
    match value:
        case {"Fn::Join": [separator, parts]}:
            return str(separator).join(_spelled(part) for part in parts)
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case {"Ref": name}:
            return f"<{name}>"
        case _:
            return str(value)
