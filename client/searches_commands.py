"""sightline searches."""

from typing import Annotated, Any, Literal

import typer

from client.caller import connect
from client.concept_commands import ranked
from client.output import JsonFlag, moment, notes, percent, print_json, print_table, results, span
from client.refine_commands import SearchId
from client.search_command import print_found

searches = typer.Typer(
    help="What was asked: list, show, repeat, save, let stand, judge.", no_args_is_help=True
)

Saved = Annotated[str, typer.Argument(metavar="SAVED", help="Its name or id.")]
Limit = Annotated[int | None, typer.Option(min=1, max=100, help="How many moments.")]
Bar = Annotated[float | None, typer.Option(help="Relevance from which a new moment is told of.")]


@searches.command("list")
def list_searches(
    ctx: typer.Context,
    saved: Annotated[bool, typer.Option("--saved", help="The saved ones.")] = False,
    text: Annotated[str | None, typer.Option(help="Only with these words.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """What was asked lately, or what is saved."""
    with connect(ctx) as sightline:
        asked = sightline.searches
        found = list(asked.saved()) if saved else asked.recorded(limit=limit, text=text)
    if as_json:
        print_json({"items": found})
    elif saved:
        rows = [
            [o["name"], "stands" if o["standing"] else "", str(o["runs"]), str(o["matches"])] for o in found
        ]
        print_table(["saved search", "", "runs", "matches"], rows, right=["runs", "matches"])
    else:
        columns = ["asked", "for", "moments", "found", "ms", "id"]
        print_table(columns, [_row(one) for one in found], right=["moments", "ms"])


def _row(one: dict[str, Any]) -> list[str]:
    request = one["request"]
    about = one["text"] or ", ".join(name for name in request if name not in ("limit", "filters"))
    about += "".join(f", then {step.get('text') or 'something shown'}" for step in request.get("then", ()))
    asked, took = moment(one["created_at"]), one["took_ms"]["total"]
    found = "yes" if one["found"] else "no"
    return [asked, about, str(one["moments"]), found, f"{took:.0f}", one["id"]]


@searches.command()
def show(ctx: typer.Context, search_id: SearchId, as_json: JsonFlag = False) -> None:
    """The moments that a search showed when it was asked."""
    with connect(ctx) as sightline:
        asked = sightline.searches.show(search_id)
    if as_json:
        print_json(asked)
        return
    unsure = "" if asked["found"] else " (nothing relevant found)"
    notes().print(": ".join(_row(asked)[:2]) + unsure, markup=False)
    rows = [
        [str(place), one["asset_name"], _when(one), percent(one["relevance"])]
        for place, one in enumerate(asked["results"], 1)
    ]
    print_table(["#", "video", "when", "relevance"], rows, right=["#", "relevance"])


def _when(one: dict[str, Any]) -> str:
    """Its range; its best frame where no more was kept."""
    peak_s = one["peak_s"]
    return span(peak_s if one["start_s"] is None else one["start_s"], one["end_s"] or peak_s)


@searches.command()
def repeat(
    ctx: typer.Context,
    search_id: SearchId,
    limit: Limit = None,
    as_json: JsonFlag = False,
) -> None:
    """Ask a recorded search again, of what is indexed now."""
    with connect(ctx) as sightline:
        found = sightline.searches.repeat(search_id, limit=limit)
    print_json(found) if as_json else print_found(found)


@searches.command()
def save(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    search_id: Annotated[str | None, typer.Option("--search", help="A recorded search (id).")] = None,
    text: Annotated[str | None, typer.Option(help="Or a question in words.")] = None,
    standing: Annotated[bool, typer.Option("--standing", help="Run it on every new video.")] = False,
    bar: Bar = None,
    as_json: JsonFlag = False,
) -> None:
    """Keep a search under a name."""
    if (search_id is None) == (text is None):
        raise typer.BadParameter("give --search or --text")
    question = {"search_id": search_id} if search_id else {"request": {"text": text}}
    with connect(ctx) as sightline:
        kept = sightline.searches.save(name, standing=standing, bar=bar, **question)
    print_json(kept) if as_json else notes().print(f"Saved as {name}.", markup=False)


@searches.command()
def run(ctx: typer.Context, saved: Saved, limit: Limit = None, as_json: JsonFlag = False) -> None:
    """Ask a saved search now."""
    with connect(ctx) as sightline:
        found = sightline.searches.run(saved, limit=limit)
    print_json(found) if as_json else print_found(found)


@searches.command()
def standing(
    ctx: typer.Context,
    saved: Saved,
    off: Annotated[bool, typer.Option("--off", help="Let it rest.")] = False,
    bar: Bar = None,
    as_json: JsonFlag = False,
) -> None:
    """Let a saved search run on every new video, or rest, and show what it matched."""
    with connect(ctx) as sightline:
        now = sightline.searches.change(saved, standing=not off, bar=bar)
        matches = sightline.searches.matches(saved)
    if as_json:
        print_json({**now, "matched": matches})
        return
    notes().print(f"{now['name']} {'rests' if off else 'stands'}, bar {now['bar']:g}.", markup=False)
    rows = [
        [match["asset_name"], span(moment["start_s"], moment["end_s"]), percent(moment["relevance"])]
        for match in matches
        for moment in match["moments"]
    ]
    if rows:
        print_table(["video", "when", "relevance"], rows, right=["relevance"])


@searches.command()
def label(
    ctx: typer.Context,
    saved: Saved,
    right: Annotated[str | None, typer.Option(metavar="1-5,8", help="Moments that are right.")] = None,
    wrong: Annotated[str | None, typer.Option(metavar="6,7", help="Moments that are wrong.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Run a saved search and say which of its moments are right; shows precision over time."""
    with connect(ctx) as sightline:
        found = sightline.searches.run(saved)
        moments = [moment.model_dump() for moment in found.moments]
        labels = [{**one, "right": True} for one in ranked(moments, right)]
        labels += [{**one, "right": False} for one in ranked(moments, wrong)]
        if labels:
            sightline.searches.label(found.search_id, labels)
        figures = sightline.searches.precision(saved)
    if as_json:
        print_json({"search": found, "precision": figures})
        return
    print_found(found)
    results().print(f"precision at {figures['k']}: {_precision(figures)}", markup=False)


def _precision(figures: dict[str, Any]) -> str:
    """Of this run, and of all where there are several: a label holds in every run that shows its moment."""
    runs = figures["runs"]
    told = _share_right(runs[-1]) if runs else _share_right(figures)
    return told if len(runs) < 2 else f"{told}; {_share_right(figures)} over {len(runs)} runs"


def _share_right(judged: dict[str, Any]) -> str:
    share = judged["precision"]
    return "nothing labelled" if share is None else f"{percent(share)} of {judged['labelled']} labelled"


@searches.command()
def analytics(
    ctx: typer.Context,
    bucket: Annotated[Literal["hour", "day", "week"], typer.Option(help="How finely over time.")] = "day",
    since: Annotated[str | None, typer.Option(help="2026-01-31T00:00:00Z; else 30 days ago.")] = None,
    until: Annotated[str | None, typer.Option(help="Else now.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """How many, how fast, what was asked most and what was not found."""
    with connect(ctx) as sightline:
        told = sightline.searches.analytics(bucket=bucket, since=since, until=until)
    if as_json:
        print_json(told)
        return
    latency = f"p50 {told['p50_ms']:.0f} ms, p95 {told['p95_ms']:.0f} ms, p99 {told['p99_ms']:.0f} ms"
    nothing = percent(told["zero_result_rate"])
    results().print(f"{told['searches']} searches, {latency}, nothing relevant in {nothing}", markup=False)
    rows = [[one["text"], str(one["searches"]), str(one["zero_results"])] for one in told["most_used"]]
    print_table(["asked most", "searches", "nothing found"], rows, right=["searches", "nothing found"])
    over_time = [
        [
            moment(one["start"]).removesuffix(" 00:00:00"),
            str(one["searches"]),
            str(one["zero_results"]),
            f"{one['p95_ms']:.0f}",
        ]
        for one in told["over_time"]
        if one["searches"]
    ]
    columns = [f"by {bucket}", "searches", "nothing found", "p95 ms"]
    print_table(columns, over_time, right=columns[1:])


@searches.command()
def delete(ctx: typer.Context, saved: Saved) -> None:
    """Forget a saved search; its runs stay recorded."""
    with connect(ctx) as sightline:
        sightline.searches.delete(saved)
    notes().print("Deleted.")
