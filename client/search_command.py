"""sightline search."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from client.caller import connect
from client.output import JsonFlag, clock, notes, percent, print_json, print_table, results, span
from client.picture import Answer, write_picture
from client.question import Options, question_of
from client.shapes import Found

FILTER_HELP = (
    "k=v, k:=JSON, k>=v, k>v, k<=v, k<v, 'k in a,b', 'k exists', 'k missing' for metadata; "
    "tag:NAME, -tag:NAME; captured>=2026-03-01T00:00:00Z, captured<...; hours=22:00-05:00@Europe/Berlin. "
    "May be repeated."
)


def search(
    ctx: typer.Context,
    text: Annotated[
        str | None,
        typer.Argument(metavar="TEXT", help='What to look for, in words: "truck ahead on the highway".'),
    ] = None,
    image: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, metavar="FILE", help="A picture to look for.")
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(metavar="ASSET@12.0-15.5", help="A stretch of an own video, or ASSET@12.0, a frame."),
    ] = None,
    then: Annotated[
        list[str] | None, typer.Option(metavar="TEXT", help="What must follow; may be repeated.")
    ] = None,
    within: Annotated[
        list[float] | None, typer.Option(metavar="SECONDS", help="How soon it must follow; 5 by default.")
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option("--not", metavar="TEXT", help="What must not be seen; may be repeated."),
    ] = None,
    concept: Annotated[list[str] | None, typer.Option(help="A taught concept; may be repeated.")] = None,
    words: Annotated[
        str | None, typer.Option(help="Also rank by these words in titles, tags and notes.")
    ] = None,
    filters: Annotated[list[str] | None, typer.Option("--filter", metavar="FILTER", help=FILTER_HELP)] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag; may be repeated.")] = None,
    asset: Annotated[list[str] | None, typer.Option(help="Only in this video (id); may be repeated.")] = None,
    collapse: Annotated[
        list[str] | None,
        typer.Option(help="Show one moment for several: alike, simultaneous; may be repeated."),
    ] = None,
    weight: Annotated[
        list[str] | None,
        typer.Option(metavar="PART=NUMBER", help="How much text, image or example counts; 1 by default."),
    ] = None,
    relevance: Annotated[float, typer.Option(min=0, max=1, help="Leave out moments below it.")] = 0.0,
    gap: Annotated[
        float | None,
        typer.Option(min=0, max=600, metavar="SECONDS", help="Least pause between moments; 2 by default."),
    ] = None,
    per_video: Annotated[int | None, typer.Option(min=1, help="At most so many moments of a video.")] = None,
    smooth: Annotated[
        float,
        typer.Option(
            min=0, max=60, metavar="SECONDS", help="Prefer what lasts: scores averaged over so long."
        ),
    ] = 0.0,
    limit: Annotated[int, typer.Option(min=1, help="How many moments.")] = 10,
    cursor: Annotated[str | None, typer.Option(help="Go on after an earlier answer.")] = None,
    save: Annotated[str | None, typer.Option(metavar="NAME", help="Keep the search under a name.")] = None,
    picture: Annotated[
        Path | None, typer.Option(dir_okay=False, metavar="FILE.png", help="Draw the found frames there.")
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find the moments that words, a picture, an example or a sequence describe."""
    options = Options(
        text=text, image=image, like=like, then=then or (), within=within or (), without=without or (),
        concepts=concept or (), words=words, filters=filters or (), tags=tag or (), assets=asset or (),
        collapse=collapse or (), weights=weight or (), relevance=relevance, smooth_s=smooth, gap_s=gap,
        per_video=per_video,
    )  # fmt: skip
    question = question_of(options)
    with connect(ctx) as sightline:
        found = sightline.ask(question, limit=limit, cursor=cursor)
        if save:
            sightline.searches.save(save, search_id=found.search_id)
        if picture:
            write_picture(picture, [Answer(text or "", found)], sightline.sheet)
    if as_json:
        print_json(found)
        return
    print_found(found)
    if save:
        notes().print(f"Saved as {save}.", markup=False)
    if picture:
        notes().print(f"Frames: {picture}", markup=False)


def print_found(found: Found) -> None:
    """The moments as a table, of a sequence with the time of each step, and under it how they were found."""
    why = found.verdict.reason if found.verdict else ""
    if not found.moments:
        notes().print(f"Nothing found: {why}." if why else "Nothing found.", markup=False)
        return
    if not found.sure:
        notes().print(f"Nothing relevant found: {why}. The closest:", markup=False)
    elif found.usual:
        notes().print(f"{why.capitalize()}.", markup=False)
    columns = ["#", "video", "when", found.measure]
    rows = [
        [str(rank), moment.asset_name, span(moment.start_s, moment.end_s), percent(moment.relevance)]
        for rank, moment in enumerate(found.moments, 1)
    ]
    if any(moment.steps for moment in found.moments):
        columns.insert(3, "steps")
        for row, moment in zip(rows, found.moments, strict=True):
            row.insert(3, ", ".join(clock(step.time_s) for step in moment.steps))
    if all(moment.confidence is not None for moment in found.moments):
        columns.append("confidence")
        for row, moment in zip(rows, found.moments, strict=True):
            row.append(percent(moment.confidence or 0.0))
    print_table(columns, rows, right=["#", found.measure, "confidence"])
    results().print(f"[dim]{escape(how_found(found))}[/dim]")


def how_found(found: Found) -> str:
    """One line: which path the search took, over what, and how long."""
    plan = found.plan
    frames = "" if plan.matching is None else f" of {plan.matching} frames"
    path = "answered from memory" if plan.cached else f"{plan.path} search{frames}"
    told = [
        path,
        "after the graph gave too few" if plan.escalated else "",
        "with fewer frames than there are" if plan.complete is False else "",
        f"words found in {plan.words.told}" if plan.words else "",
        f"{found.took_ms.total:.0f} ms",
        f"model {found.model.id}",
        f"search {found.search_id}",
    ]
    return ", ".join(part for part in told if part)
