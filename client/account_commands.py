"""sightline register, confirm, resend-code, reset-password, login, logout, whoami and keys."""

import sys
from typing import Annotated

import typer

from client.api import Sightline
from client.caller import PasswordStdin, connect, read_password
from client.output import JsonFlag, notes, print_items, print_json, print_table
from client.shapes import ApiKey, Me

Email = Annotated[str, typer.Argument(help="Your e-mail address.")]
keys = typer.Typer(help="API keys for programs: list, create, revoke.", invoke_without_command=True)


def register(
    ctx: typer.Context,
    email: Email,
    name: Annotated[str | None, typer.Option(help="How others see you.")] = None,
    code: Annotated[str | None, typer.Option(help="The confirmation code, where it is known.")] = None,
    password_stdin: PasswordStdin = False,
    as_json: JsonFlag = False,
) -> None:
    """Make an account, confirm it, and sign in."""
    password = read_password(from_stdin=password_stdin, new=True)
    with connect(ctx) as sightline:
        sent_to = sightline.accounts.register(email, password, name=name)
        if code is None and not sys.stdin.isatty():
            _say_confirm(email, sent_to, as_json=as_json)
            return
        if code is None:
            code = str(typer.prompt(f"Code sent to {sent_to}", err=True))
        sightline.accounts.confirm(email, code)
        _signed_in(sightline.accounts.login(email, password), sightline, as_json=as_json)


def _say_confirm(email: str, sent_to: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"email": email, "confirmation_sent_to": sent_to})
    else:
        notes().print(f"A code was sent to {sent_to}. Next: sightline confirm {email} CODE", markup=False)


def confirm(
    ctx: typer.Context,
    email: Email,
    code: Annotated[str, typer.Argument(help="The code that was sent.")],
    as_json: JsonFlag = False,
) -> None:
    """Confirm an account with the code that was sent to it."""
    with connect(ctx) as sightline:
        sightline.accounts.confirm(email, code)
    if as_json:
        print_json({"email": email, "confirmed": True})
    else:
        notes().print(f"Confirmed. Next: sightline login {email}", markup=False)


def resend(ctx: typer.Context, email: Email, as_json: JsonFlag = False) -> None:
    """Send another confirmation code."""
    with connect(ctx) as sightline:
        sightline.accounts.resend_code(email)
    if as_json:
        print_json({"email": email, "requested": True})
    else:
        notes().print(f"If {email} waits for a code, a new one is on its way.", markup=False)


def reset_password(
    ctx: typer.Context,
    email: Email,
    code: Annotated[str | None, typer.Option(help="The code, where it was sent before.")] = None,
    password_stdin: PasswordStdin = False,
    as_json: JsonFlag = False,
) -> None:
    """Set a new password with a code that is sent to your address, and sign in."""
    with connect(ctx) as sightline:
        if code is None:
            sightline.accounts.forgot_password(email)
            if not sys.stdin.isatty():
                _say_reset(email, as_json=as_json)
                return
            code = str(typer.prompt(f"Code sent to {email}, if it has an account", err=True))
        password = read_password(from_stdin=password_stdin, new=True)
        sightline.accounts.reset_password(email, code, password)
        _signed_in(sightline.accounts.login(email, password), sightline, as_json=as_json)


def _say_reset(email: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"email": email, "requested": True})
    else:
        following = f"sightline reset-password {email} --code CODE"
        notes().print(f"If {email} has an account, a code is on its way. Next: {following}", markup=False)


def login(
    ctx: typer.Context, email: Email, password_stdin: PasswordStdin = False, as_json: JsonFlag = False
) -> None:
    """Sign in; the tokens are kept in ~/.config/sightline, readable by you only."""
    password = read_password(from_stdin=password_stdin, new=False)
    with connect(ctx) as sightline:
        _signed_in(sightline.accounts.login(email, password), sightline, as_json=as_json)


def _signed_in(me: Me, sightline: Sightline, *, as_json: bool) -> None:
    if as_json:
        print_json(me)
        return
    where = f" in workspace {me.workspaces[0].name}" if me.workspaces else ""
    notes().print(f"Signed in to {sightline.api_url} as {me.email}{where}.", markup=False)


def logout(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Sign out, here and on the server."""
    with connect(ctx) as sightline:
        sightline.accounts.logout()
    if as_json:
        print_json({"signed_out": True})
    else:
        notes().print("Signed out.")


def whoami(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """Who is signed in, where, and which workspaces there are."""
    with connect(ctx) as sightline:
        me = sightline.accounts.me()
        current = sightline.session.workspace_id()
    if as_json:
        print_json({**me.model_dump(mode="json"), "api_url": sightline.api_url, "workspace_id": current})
        return
    notes().print(f"{me.email} at {sightline.api_url}", markup=False)
    rows = [["*" if one.id == current else "", one.name, one.role, one.id] for one in me.workspaces]
    print_table(["", "workspace", "role", "id"], rows)


@keys.callback()
def list_keys(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """API keys for programs: list, create, revoke."""
    if ctx.invoked_subcommand:
        return
    with connect(ctx) as sightline:
        found = sightline.accounts.api_keys()
    print_items(found, ["name", "key", "role", "last used", "id"], _key_row, as_json=as_json)


def _key_row(key: ApiKey) -> list[str]:
    used = key.last_used_at.strftime("%Y-%m-%d %H:%M") if key.last_used_at else "never"
    return [key.name, f"{key.hint}\u2026" if key.hint else "", key.role, used, key.id]


@keys.command("create")
def create_key(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What the key is for.")],
    role: Annotated[str, typer.Option(help="viewer, editor or admin.")] = "viewer",
    scope: Annotated[list[str] | None, typer.Option(help="Narrow it further; may be repeated.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a key. It is shown once: keep it where secrets are kept."""
    with connect(ctx) as sightline:
        key = sightline.accounts.create_api_key(name, role=role, scopes=scope or [])
    if as_json:
        print_json(key)
        return
    print(key.key)
    notes().print("This is the only time the key is shown. Programs give it as SIGHTLINE_API_KEY.")


@keys.command("revoke")
def revoke_key(
    ctx: typer.Context,
    key_id: Annotated[str, typer.Argument(help="The id that `sightline keys` shows.")],
    as_json: JsonFlag = False,
) -> None:
    """End a key at once."""
    with connect(ctx) as sightline:
        sightline.accounts.revoke_api_key(key_id)
    if as_json:
        print_json({"id": key_id, "revoked": True})
    else:
        notes().print("Revoked.")
