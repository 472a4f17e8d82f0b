"""sightline searches refine, session, act and action: going on from a search that was made."""

import time
from typing import Annotated, Any

import typer

from client.api import Sightline
from client.caller import connect
from client.output import JsonFlag, moment, notes, percent, print_json, print_table, results
from client.question import frame
from client.search_command import print_found

SearchId = Annotated[
    str, typer.Argument(metavar="SEARCH", help="The id that a search shows, and `sightline searches list`.")
]
Hits = Annotated[
    list[str] | None,
    typer.Option(metavar="HIT", help="The number of a moment (3, 1-5) or ASSET@12.0; may be repeated."),
]
# A job is asked about once a second.
POLL_S = 1.0
ENDED = ("done", "failed", "cancelled")


def refine(
    ctx: typer.Context,
    search_id: SearchId,
    more: Hits = None,
    less: Hits = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many moments.")] = 10,
    as_json: JsonFlag = False,
) -> None:
    """Search again: more like these hits, less like those; what was judged before counts too."""
    if not more and not less:
        raise typer.BadParameter("give --more or --less")
    with connect(ctx) as sightline:
        shown = _shown(sightline, search_id, [*(more or ()), *(less or ())])
        judged = {"more": _frames(more, shown), "less": _frames(less, shown)}
        found = sightline.refine(search_id, limit=limit, **judged)
    print_json(found) if as_json else print_found(found)


def session(ctx: typer.Context, search_id: SearchId, as_json: JsonFlag = False) -> None:
    """The rounds of a search that was refined."""
    with connect(ctx) as sightline:
        told = sightline.search_session(search_id)
    if as_json:
        print_json(told)
        return
    rows = [
        [moment(one["created_at"]), str(one["more"]), str(one["less"]), one["search_id"]]
        for one in told["rounds"]
    ]
    print_table(["asked", "more", "less", "search"], rows, right=["more", "less"])


def act(
    ctx: typer.Context,
    search_id: SearchId,
    tag: Annotated[list[str] | None, typer.Option(help="Tag their videos; may be repeated.")] = None,
    untag: Annotated[list[str] | None, typer.Option(help="Take a tag away; may be repeated.")] = None,
    delete: Annotated[bool, typer.Option("--delete", help="Delete their videos.")] = False,
    relevance: Annotated[float, typer.Option(min=0, max=1, help="Results at least so relevant.")] = 0.5,
    most: Annotated[int | None, typer.Option(min=1, help="Stop after so many results.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Until it is done.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Act on all results of a search, not only those that a page shows."""
    if sum((bool(tag), bool(untag), delete)) != 1:
        raise typer.BadParameter("give one of --tag, --untag, --delete")
    body: dict[str, Any] = {"action": "delete" if delete else "tag" if tag else "untag"}
    body |= {"tags": tag or untag or [], "min_relevance": relevance} | ({"most": most} if most else {})
    with connect(ctx) as sightline:
        job = sightline.act(search_id, body)
        while wait and job["status"] not in ENDED:
            job = sightline.action(job["id"])
            if job["status"] not in ENDED:
                time.sleep(POLL_S)
    print_json(job) if as_json else _print_job(job)


def action(
    ctx: typer.Context,
    action_id: Annotated[str, typer.Argument(metavar="JOB", help="The id that act shows.")],
    cancel: Annotated[bool, typer.Option("--cancel", help="Stop it; what is done stays.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """How far a job is."""
    with connect(ctx) as sightline:
        job = sightline.cancel_action(action_id) if cancel else sightline.action(action_id)
    print_json(job) if as_json else _print_job(job)


def _print_job(job: dict[str, Any]) -> None:
    done = f"{job['moments']} results in {job['videos']} videos, {job['changed']} changed"
    results().print(f"{job['action']}: {job['status']}, {percent(job['fraction'])}; {done}", markup=False)
    notes().print(f"Job {job['id']}", markup=False)


def _shown(sightline: Sightline, search_id: str, hits: list[str]) -> list[dict[str, Any]]:
    """The frames that numbers stand for: what the search showed."""
    numbers = [number for hit in hits for number in _numbers(hit)]
    if not numbers:
        return []
    shown = sightline.searches.show(search_id)["results"]
    if max(numbers) > len(shown):
        raise typer.BadParameter(f"the search showed {len(shown)} moments")
    return [{"asset_id": one["asset_id"], "time_s": one["peak_s"]} for one in shown]


def _numbers(hit: str) -> list[int]:
    """3, or 1-5; nothing for ASSET@12.0."""
    if "@" in hit:
        return []
    first, _, last = hit.partition("-")
    if not first.isdigit() or not (last or first).isdigit() or int(first) < 1:
        raise typer.BadParameter(f"{hit!r} is not 3, 1-5 or ASSET@12.0")
    return list(range(int(first), int(last or first) + 1))


def _frames(hits: list[str] | None, shown: list[dict[str, Any]]) -> list[dict[str, Any]]:
    frames = []
    for hit in hits or ():
        frames += [frame(hit)] if "@" in hit else [shown[number - 1] for number in _numbers(hit)]
    return frames
