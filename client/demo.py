"""sightline demo: a video in, answered questions out, on this machine, in one go."""

import hashlib
import secrets
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from client.api import Sightline
from client.asset_commands import wait_until_ready
from client.credentials import PrivateFile
from client.errors import ClientError, ForbiddenError, NotFoundError, UnauthenticatedError
from client.footage import Footage, footage_of
from client.local import Port, local_cloud
from client.output import JsonFlag, clock, notes, print_json, results
from client.picture import Answer, write_picture
from client.progress import upload_bar
from client.search_command import print_found
from client.session import local_home
from client.shapes import Asset, Found

QUESTIONS = (
    "a pedestrian crossing the street at night in the rain",
    "a truck ahead on the highway",
    "a cyclist in the city at dusk",
    "a highway in fog",
)
# What the local user pool takes as every confirmation code.
LOCAL_CODE = "123456"
MOMENTS_A_QUESTION = 3
OWN_FOOTAGE = 'make demo VIDEO=/path/to/own.mp4 QUERY="truck ahead on the highway"'


def demo(
    ctx: typer.Context,
    video: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, readable=True, help="Your own footage.")
    ] = None,
    query: Annotated[list[str] | None, typer.Option(help="A question; may be repeated.")] = None,
    picture: Annotated[Path, typer.Option(dir_okay=False, help="Where the found frames go.")] = Path(
        "demo.png"
    ),
    port: Port = None,
    again: Annotated[
        bool, typer.Option("--again", help="Upload and index anew, also what is there.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Upload a driving video to a local cloud, ask it questions, and show what was found."""
    if ctx.invoked_subcommand:
        return
    home, console = local_home(), notes()
    if video is None:
        console.print("This demo's footage is [bold]rendered[/bold] by Sightline itself. For your own:")
        console.print(f"  {OWN_FOOTAGE}\n", markup=False, soft_wrap=True)
    try:
        with (
            stopped_in_order(),
            footage_of(video, home / "demo") as footage,
            local_cloud(home, port=port, console=console) as api_url,
            Sightline(api_url, config_dir=home / "demo") as sightline,
        ):
            sign_in(sightline, home)
            _demonstrate(sightline, footage, query or QUESTIONS, picture, again=again, as_json=as_json)
    except ClientError as error:
        error.add_note(f"Logs: {home / 'logs'}")
        raise


def _demonstrate(
    sightline: Sightline,
    footage: Footage,
    questions: Sequence[str],
    picture: Path,
    *,
    again: bool,
    as_json: bool,
) -> None:
    console = notes()
    asset = _indexed(sightline, _waited_for(footage, console), console, again=again)
    found = [(text, _ask(sightline, text, asset, as_json=as_json)) for text in questions]
    frames = write_picture(picture, [Answer(text, one) for text, one in found], sightline.sheet)
    if as_json:
        asked = [{"text": text, "answer": one.model_dump(mode="json")} for text, one in found]
        print_json({"asset": asset, "questions": asked, "picture": str(picture.resolve())})
    console.print(f"\n{frames} found frames: {picture.resolve()}", markup=False, soft_wrap=True)
    console.print("To keep it running: make up. What to do then: docs/client.md", markup=False)


@contextmanager
def stopped_in_order() -> Iterator[None]:
    """Lets SIGTERM and SIGHUP end us as Ctrl-C does: after stopping what we started."""

    def stop(number: int, _: FrameType | None) -> NoReturn:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _waited_for(footage: Footage, console: Console) -> Path:
    with console.status("Rendering a minute of driving"):
        return footage.path()


def sign_in(sightline: Sightline, home: Path) -> None:
    """Sign in as this folder's demo user; make one where there is none, or the old one's data is gone."""
    kept = PrivateFile(home / "demo" / "account.json")
    if _still_known(sightline, kept.read()):
        return
    account = {
        "email": f"demo-{secrets.token_hex(4)}@example.com",
        "password": f"Aa1-{secrets.token_urlsafe(18)}",
    }
    sightline.accounts.register(account["email"], account["password"], name="Demo")
    sightline.accounts.confirm(account["email"], LOCAL_CODE)
    sightline.accounts.login(account["email"], account["password"])
    kept.write(account)


def _still_known(sightline: Sightline, account: dict[str, str]) -> bool:
    """False where the local cloud's data was removed: the account went with it."""
    if not account:
        return False
    try:
        sightline.accounts.login(account["email"], account["password"])
    except (UnauthenticatedError, ForbiddenError, NotFoundError):
        return False
    return True


def _indexed(sightline: Sightline, path: Path, console: Console, *, again: bool) -> Asset:
    """The video as a searchable asset; the same bytes are uploaded once."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    known = None if again else _already_there(sightline, digest)
    if known and known.status == "ready":
        length = clock(known.duration_s or 0)
        console.print(f"{known.name} ({length}) is indexed already; --again does it anew.", markup=False)
        return known
    if known is None:
        with upload_bar(console, path.name) as on_bytes:
            known = sightline.upload(path, metadata={"sha256": digest}, tags=["demo"], on_bytes=on_bytes)
    return wait_until_ready(sightline, known, console)


def _already_there(sightline: Sightline, digest: str) -> Asset | None:
    found = sightline.assets(metadata={"sha256": digest})
    usable = [asset for asset in found if asset.status in ("ready", "processing")]
    return max(usable, key=lambda asset: asset.status == "ready", default=None)


def _ask(sightline: Sightline, text: str, asset: Asset, *, as_json: bool) -> Found:
    found = sightline.search(text, limit=MOMENTS_A_QUESTION, asset_ids=[asset.id])
    if not as_json:
        console = results()
        console.print(f"\n[bold]{escape(text)}[/bold]")
        print_found(found)
    return found
