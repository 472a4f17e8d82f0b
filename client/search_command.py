"""sightline search."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from client.caller import connect, pairs
from client.output import JsonFlag, notes, percent, print_json, print_table, results, span
from client.picture import Answer, write_picture
from client.shapes import Found


def search(
    ctx: typer.Context,
    text: Annotated[
        str, typer.Argument(metavar="TEXT", help='What to look for, in words: "truck ahead on the highway".')
    ],
    filters: Annotated[
        list[str] | None, typer.Option("--filter", metavar="K=V", help="Only this metadata; may be repeated.")
    ] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag; may be repeated.")] = None,
    asset: Annotated[list[str] | None, typer.Option(help="Only in this video (id); may be repeated.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many moments.")] = 10,
    cursor: Annotated[str | None, typer.Option(help="Go on after an earlier answer.")] = None,
    picture: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE.png", help="Draw the found frames there.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find the moments that a sentence describes."""
    metadata = pairs(filters, "--filter")
    with connect(ctx) as sightline:
        found = sightline.search(
            text, limit=limit, cursor=cursor, asset_ids=asset or [], tags=tag or [], metadata=metadata
        )
        if picture:
            write_picture(picture, [Answer(text, found.moments)], sightline.sheet)
    if as_json:
        print_json(found)
        return
    print_found(found)
    if picture:
        notes().print(f"Frames: {picture}", markup=False)


def print_found(found: Found) -> None:
    """The moments as a table, and under it how they were found."""
    if not found.moments:
        notes().print("Nothing found.")
        return
    rows = [
        [str(rank), moment.asset_name, span(moment.start_s, moment.end_s), percent(moment.relevance)]
        for rank, moment in enumerate(found.moments, 1)
    ]
    print_table(["#", "video", "when", "relevance"], rows, right=["#", "relevance"])
    results().print(f"[dim]{escape(how_found(found))}[/dim]")


def how_found(found: Found) -> str:
    """One line: which path the search took, over what, and how long."""
    frames = "" if found.plan.matching is None else f" of {found.plan.matching} frames"
    return f"{found.plan.path} search{frames}, {found.took_ms.total:.0f} ms, model {found.model.id}"
