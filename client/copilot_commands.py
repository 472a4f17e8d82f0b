"""sightline runbooks and ask: what runbooks say, and where."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from client.caller import connect
from client.output import JsonFlag, notes, print_json, results

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
        return
    counts = ", ".join(f"{count} {word}" for word, count in told["runbooks"].items())
    notes().print(f"{told['status']}: {counts}.")
    for one in told["refused"]:
        notes().print(f"refused {escape(one['path'])}: {escape(one['reason'])}")


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
                _print(told["sentences"])
    if as_json:
        print_json(told | {"sentences": sentences})
    elif not sentences:
        results().print("The runbooks do not say.")


def _print(sentences: list[dict[str, Any]]) -> None:
    for one in sentences:
        results().print(escape(one["text"]))
        for place in one["citations"]:
            where = f"{place['path']}, {' > '.join(place['headings'])}, line {place['first_line']}"
            results().print(f"    [dim]{escape(where)}[/dim]")
