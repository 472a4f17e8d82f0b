"""What every command starts with: where to call, as whom; passwords never stand in a command line."""

import json
import os
import sys
from dataclasses import dataclass
from typing import Annotated, Any

import typer

from client.api import Sightline


@dataclass(frozen=True, slots=True)
class Target:
    """The options that stand before the command."""

    api_url: str | None
    workspace_id: str | None


def connect(ctx: typer.Context) -> Sightline:
    """The client for the options and environment of this call."""
    target = ctx.find_root().obj
    assert isinstance(target, Target)  # noqa: S101 - the root callback sets it
    return Sightline(
        target.api_url, workspace_id=target.workspace_id, api_key=os.environ.get("SIGHTLINE_API_KEY") or None
    )


PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from standard input.")
]


def read_password(*, from_stdin: bool, new: bool) -> str:
    """From stdin, from SIGHTLINE_PASSWORD, or asked for without echo."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if kept := os.environ.get("SIGHTLINE_PASSWORD"):
        return kept
    if not sys.stdin.isatty():
        raise typer.BadParameter("no terminal to ask on; use --password-stdin or SIGHTLINE_PASSWORD")
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=new, err=True))


def pairs(given: list[str] | None, option: str) -> dict[str, Any]:
    """--meta route=A9 as a text, --meta lanes:=3 as JSON."""
    found: dict[str, Any] = {}
    for text in given or []:
        name, equals, value = text.partition("=")
        if not equals or not name.rstrip(":"):
            raise typer.BadParameter(f"{text!r} is not KEY=VALUE", param_hint=option)
        found[name.removesuffix(":")] = _json(value, option) if name.endswith(":") else value
    return found


def _json(text: str, option: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not JSON ({error})", param_hint=option) from error
