"""sightline runbooks and ask: what runbooks say, and where."""

from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer
from rich.markup import escape

from client.caller import connect
from client.copilot import Copilot
from client.output import JsonFlag, notes, print_json, print_table, results

runbooks = typer.Typer(help="Runbooks that the copilot answers from.", no_args_is_help=True)


@runbooks.command("add")
def add_runbooks(
    ctx: typer.Context,
    folder: Annotated[
        Path, typer.Argument(exists=True, file_okay=False, help="Markdown files, at any depth.")
    ],
    collection: Annotated[str, typer.Option(help="Replaced as a whole.")] = "default",
    as_json: JsonFlag = False,
) -> None:
    """Read a folder of runbooks; what changed is replaced, what vanished is deleted."""
    files = {str(path.relative_to(folder)): path.read_text() for path in sorted(folder.rglob("*.md"))}
    if not files:
        raise typer.BadParameter(f"there is no .md file in {folder}")
    with connect(ctx) as sightline:
        told = sightline.copilot.read_runbooks(files, collection=collection)
    if as_json:
        print_json(told)
    else:
        _print_reading(told)
    if told["status"] == "failed":
        raise typer.Exit(1)


def _print_reading(told: dict[str, Any]) -> None:
    counts = ", ".join(f"{count} {word}" for word, count in told["runbooks"].items())
    notes().print(f"{told['status']}: {counts}.")
    if told["failure"]:
        notes().print(escape(told["failure"]))
    for one in told["refused"]:
        notes().print(f"refused {escape(one['path'])}: {escape(one['reason'])}")


@runbooks.command("list")
def list_runbooks(
    ctx: typer.Context,
    collection: Annotated[str | None, typer.Option(help="Only of this one.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """What the copilot answers from, newest first."""
    with connect(ctx) as sightline:
        found = list(sightline.copilot.runbooks(collection=collection))
    if as_json:
        print_json({"items": found})
        return
    rows = [
        [one["collection"], one["path"], one["title"], str(one["chunks"]), one["updated_at"][:10], one["id"]]
        for one in found
    ]
    print_table(["collection", "path", "title", "pieces", "read", "id"], rows, right=["pieces"])


@runbooks.command("remove")
def remove_runbook(
    ctx: typer.Context,
    runbook: Annotated[str, typer.Argument(metavar="PATH|ID", help="As `sightline runbooks list` shows it.")],
    collection: Annotated[str | None, typer.Option(help="Where the path is looked up.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """No answer cites it any more; a folder that still holds it brings it back."""
    with connect(ctx) as sightline:
        runbook_id = _id_of(sightline.copilot, runbook, collection)
        sightline.copilot.remove_runbook(runbook_id)
    print_json({"id": runbook_id, "deleted": True}) if as_json else notes().print("Removed.")


def _id_of(copilot: Copilot, runbook: str, collection: str | None) -> str:
    """The id that was given, or that of the one runbook at a path."""
    try:
        return str(UUID(runbook))
    except ValueError:
        found = [one for one in copilot.runbooks(collection=collection) if one["path"] == runbook]
    if not found:
        raise typer.BadParameter(f"there is no runbook {runbook}")
    if len(found) > 1:
        collections = ", ".join(one["collection"] for one in found)
        raise typer.BadParameter(f"{runbook} is in {collections}: say which with --collection")
    runbook_id: str = found[0]["id"]
    return runbook_id


def ask(
    ctx: typer.Context,
    question: Annotated[str, typer.Argument(help="In your own words.")],
    incident: Annotated[str | None, typer.Option(help="Its id: its alerts join the question.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask the runbooks; every sentence says where it is written."""
    sentences: list[dict[str, Any]] = []
    told: dict[str, Any] = {}
    with connect(ctx) as sightline:
        for told in sightline.copilot.ask(question, incident_id=incident):
            sentences += told["sentences"]
            if not as_json:
                _print_sentences(told["sentences"])
    if as_json:
        print_json(told | {"sentences": sentences})
    elif told["status"] == "not_said":
        results().print("The runbooks do not say.")
    for note in [] if as_json else told["notes"]:
        notes().print(escape(note))
    if told["status"] == "failed":
        raise typer.Exit(1)


def _print_sentences(sentences: list[dict[str, Any]]) -> None:
    for one in sentences:
        results().print(escape(one["text"]))
        for place in one["citations"]:
            where = f"{place['path']}, {' > '.join(place['headings'])}, line {place['first_line']}"
            results().print(f"    [dim]{escape(where)}[/dim]")
