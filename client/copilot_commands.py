"""sightline runbooks and ask: what runbooks say, and where."""

import base64
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID

import typer
from rich.markup import escape

from client.caller import connect
from client.copilot import Copilot
from client.output import JsonFlag, notes, print_items, print_json, print_table, results

Verdict = Literal["useful", "wrong"]
runbooks = typer.Typer(help="Runbooks that the copilot answers from.", no_args_is_help=True)


@runbooks.command("add")
def add_runbooks(
    ctx: typer.Context,
    place: Annotated[
        str, typer.Argument(metavar="FOLDER|ZIP|s3://BUCKET/PREFIX", help="Markdown files, at any depth.")
    ],
    collection: Annotated[str, typer.Option(help="Replaced as a whole.")] = "default",
    as_json: JsonFlag = False,
) -> None:
    """Read runbooks; of their collection, what changed is replaced and what vanished is deleted."""
    what = _runbooks_in(place)
    with connect(ctx) as sightline:
        told = sightline.copilot.read_runbooks(what, collection=collection)
    if as_json:
        print_json(told)
    else:
        _print_reading(told)
    if told["status"] == "failed":
        raise typer.Exit(1)


def _runbooks_in(place: str) -> dict[str, Any]:
    """What is to be read, as a request says it."""
    if place.startswith("s3://"):
        bucket, _, prefix = place.removeprefix("s3://").partition("/")
        return {"bucket": bucket, "prefix": prefix}
    path = Path(place)
    if path.is_file():
        return {"zip": base64.b64encode(path.read_bytes()).decode()}
    files = {str(found.relative_to(path)): found.read_text() for found in sorted(path.rglob("*.md"))}
    if not files:
        raise typer.BadParameter(f"there is no .md file in {place}")
    return {"files": [{"path": name, "text": text} for name, text in files.items()]}


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
    print_items(
        found,
        ["collection", "path", "title", "pieces", "read", "id"],
        lambda one: [
            one["collection"],
            one["path"],
            one["title"],
            str(one["chunks"]),
            one["updated_at"][:10],
            one["id"],
        ],
        as_json=as_json,
        right=["pieces"],
    )


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


@runbooks.command("feedback")
def give_feedback(
    ctx: typer.Context,
    answer_id: Annotated[
        str | None, typer.Argument(metavar="ANSWER", help="As `sightline ask` names it.")
    ] = None,
    verdict: Annotated[Verdict | None, typer.Argument(help="What it was.")] = None,
    note: Annotated[str | None, typer.Option(help="What was wrong, or missing.")] = None,
    days: Annotated[int, typer.Option(min=1, max=365, help="Of the report.")] = 30,
    as_json: JsonFlag = False,
) -> None:
    """Say whether an answer was right; without one, which runbooks help and which mislead."""
    if answer_id is not None and verdict is None:
        raise typer.BadParameter("say useful or wrong")
    with connect(ctx) as sightline:
        if answer_id is not None and verdict is not None:
            kept = sightline.copilot.give_feedback(answer_id, verdict, note)
            print_json(kept) if as_json else notes().print("Kept.")
            return
        report = sightline.copilot.feedback(days=days)
    print_json(report) if as_json else _print_feedback(report)


def _print_feedback(report: dict[str, Any]) -> None:
    rows = [[one["path"], str(one["useful"]), str(one["wrong"])] for one in report["runbooks"]]
    rows.append(["all answers", str(report["useful"]), str(report["wrong"])])
    print_table(["runbook", "useful", "wrong"], rows, right=["useful", "wrong"])
    for one in report["latest"]:
        if one["note"]:
            notes().print(f"{one['verdict']}: {escape(one['note'])} [dim]({one['answer_id']})[/dim]")


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
    incident: Annotated[
        str | None, typer.Option(help="INC-12, or its id: its alerts join the question.")
    ] = None,
    conversation: Annotated[
        str | None, typer.Option(metavar="ID", help="Go on from an answer before, of no incident.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask the runbooks; every sentence says where it is written."""
    sentences: list[dict[str, Any]] = []
    told: dict[str, Any] = {}
    with connect(ctx) as sightline:
        about = sightline.incidents.id_of(incident) if incident else None
        for told in sightline.copilot.ask(question, incident_id=about, conversation=conversation):
            sentences += told["sentences"]
            if not as_json:
                _print_sentences(told["sentences"])
    if as_json:
        print_json(told | {"sentences": sentences})
    elif told["status"] == "not_said":
        results().print("The runbooks do not say.")
    if not as_json:
        _print_rest(told)
    if told["status"] == "failed":
        raise typer.Exit(1)


def _print_rest(told: dict[str, Any]) -> None:
    """What was not as it should be, and what can be done next."""
    for note in told["notes"]:
        notes().print(escape(note))
    if told["status"] != "answered":
        return
    notes().print(f"Was it right? sightline runbooks feedback {told['id']} useful", soft_wrap=True)
    if told["incident_id"] is None:
        notes().print(f"More of it: sightline ask ... --conversation {told['conversation']}", soft_wrap=True)


def _print_sentences(sentences: list[dict[str, Any]]) -> None:
    for one in sentences:
        results().print(escape(one["text"]))
        for place in one["citations"]:
            where = f"{place['path']}, {' > '.join(place['headings'])}, line {place['first_line']}"
            results().print(f"    [dim]{escape(where)}[/dim]")
