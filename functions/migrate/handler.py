"""Applies missing migrations on deploy, or when called by hand."""

from typing import Any

from sightline.deployment import on_deploy
from sightline.telemetry import instrumented


@instrumented
def handler(event: dict[str, Any], _context: Any) -> dict[str, Any]:
    """A CloudFormation custom resource's request, or any other event."""
    return on_deploy(event)
