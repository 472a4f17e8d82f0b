"""sightline concepts."""

import json
import re
from pathlib import Path
from typing import Annotated, Any

import typer

from client.caller import connect
from client.output import JsonFlag, notes, percent, print_items, print_json, print_table, results, span

concepts = typer.Typer(
    help="What you teach by marked frames: create, mark, train, keep.", no_args_is_help=True
)

Concept = Annotated[str, typer.Argument(metavar="CONCEPT", help="Its name or id.")]
Yes = Annotated[
    list[str] | None, typer.Option(metavar="ASSET@S", help="A frame that shows it; may be repeated.")
]
No = Annotated[
    list[str] | None, typer.Option(metavar="ASSET@S", help="A frame that does not; may be repeated.")
]
YesTag = Annotated[
    list[str] | None, typer.Option("--yes-tag", metavar="TAG", help="Frames of videos with this tag show it.")
]
NoTag = Annotated[
    list[str] | None, typer.Option("--no-tag", metavar="TAG", help="Frames of videos with this tag do not.")
]
Answer = Annotated[
    Path | None,
    typer.Option("--found", exists=True, dir_okay=False, help="What `sightline search --json` printed."),
]
YesRanks = Annotated[
    str | None, typer.Option("--yes-ranks", metavar="1-5,8", help="Its moments that show it.")
]
NoRanks = Annotated[str | None, typer.Option("--no-ranks", metavar="6,7", help="Its moments that do not.")]
Version = Annotated[int | None, typer.Option(help="Which training; else the latest, or the kept one.")]


@concepts.command()
def create(
    ctx: typer.Context,
    name: Annotated[str, typer.Argument(help="What to call it.")],
    description: Annotated[str, typer.Option(help="What is meant.")] = "",
    as_json: JsonFlag = False,
) -> None:
    """Begin a concept; mark frames next."""
    with connect(ctx) as sightline:
        made = sightline.concepts.create(name, description=description)
    if as_json:
        print_json(made)
        return
    notes().print(f"Made {name}. Next: sightline concepts mark", markup=False)


@concepts.command()
def mark(
    ctx: typer.Context,
    concept: Concept,
    yes: Yes = None,
    no: No = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="ASSET@S", help="A mark to take back; may be repeated.")
    ] = None,
    yes_tag: YesTag = None,
    no_tag: NoTag = None,
    found: Answer = None,
    yes_ranks: YesRanks = None,
    no_ranks: NoRanks = None,
    as_json: JsonFlag = False,
) -> None:
    """Say which frames show it and which do not."""
    moments = json.loads(found.read_text())["moments"] if found else []
    marks: dict[str, Any] = {
        "yes": frames(yes) + ranked(moments, yes_ranks),
        "no": frames(no) + ranked(moments, no_ranks),
        "remove": frames(remove),
        "yes_tags": [{"tag": tag} for tag in yes_tag or []],
        "no_tags": [{"tag": tag} for tag in no_tag or []],
    }
    with connect(ctx) as sightline:
        now = sightline.concepts.mark(concept, **{name: given for name, given in marks.items() if given})
    if as_json:
        print_json(now)
        return
    results().print(f"{now['marks']['yes']} frames show it, {now['marks']['no']} do not.", markup=False)


def frames(given: list[str] | None) -> list[dict[str, Any]]:
    """ASSET@12.5 as a frame."""
    found = []
    for text in given or []:
        asset_id, at, seconds = text.rpartition("@")
        if not at or not re.fullmatch(r"\d+(\.\d+)?", seconds):
            raise typer.BadParameter(f"{text!r} is not ASSET@SECONDS")
        found.append({"asset_id": asset_id, "time_s": float(seconds)})
    return found


def ranked(moments: list[dict[str, Any]], ranks: str | None) -> list[dict[str, Any]]:
    """The peaks of some moments of an answer: 1-5,8."""
    found = []
    for part in (ranks or "").split(",") if ranks else []:
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise typer.BadParameter(f"{part!r} is not a rank or a range of ranks")
        first, last = int(match[1]), int(match[2] or match[1])
        if not 1 <= first <= last <= len(moments):
            raise typer.BadParameter(f"the answer has {len(moments)} moments")
        found += [{"asset_id": m["asset_id"], "time_s": m["peak_s"]} for m in moments[first - 1 : last]]
    return found


@concepts.command()
def train(ctx: typer.Context, concept: Concept, as_json: JsonFlag = False) -> None:
    """Teach it, and show how good it is before anything uses it."""
    with connect(ctx) as sightline:
        version = sightline.concepts.train(concept)
    if as_json:
        print_json(version)
    elif version["failure"]:
        notes().print(version["failure"]["reason"], markup=False)
    else:
        print_version(version)
    if version["failure"]:
        raise typer.Exit(1)


def print_version(version: dict[str, Any]) -> None:
    """What it did with frames that it had not learnt from."""
    figures = version["metrics"]
    if figures is None:
        notes().print(f"Version {version['version']}: no figures.", markup=False)
        return
    rows = [
        [name, percent(figures[name]), " - ".join(percent(end) for end in figures[f"{name}_range"])]
        for name in ("precision", "recall")
    ]
    print_table([f"version {version['version']}", "held out", "95 % range"], rows, right=["held out"])
    alarms = figures.get("alarm_share")
    alarmed = (
        "" if alarms is None else f"; it would say yes to {100 * alarms:.1f} % of the frames nobody marked"
    )
    by = "stretches of video" if figures["folds_by"] == "stretch" else "single frames, which flatters"
    marks = f"{figures['yes']} yes, {figures['no']} no"
    share = figures.get("words_share")
    worded = "" if share is None else f"; its words count {percent(share)} beside the marks"
    results().print(f"{marks}, held out by {by}{worded}{alarmed}.", markup=False)


@concepts.command()
def keep(
    ctx: typer.Context,
    concept: Concept,
    version: Version = None,
    bar: Annotated[float | None, typer.Option(help="Confidence from which a frame shows it.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Search and tag with it from now on."""
    with connect(ctx) as sightline:
        kept = sightline.concepts.keep(concept, version=version, bar=bar)
    if as_json:
        print_json(kept)
        return
    notes().print(f"Kept version {kept['kept_version']}; videos get the tag {kept['tag']}.", markup=False)


@concepts.command("list")
def list_concepts(ctx: typer.Context, as_json: JsonFlag = False) -> None:
    """All of them."""
    with connect(ctx) as sightline:
        found = list(sightline.concepts.all())
    print_items(found, ["concept", "yes", "no", "kept", "latest", "videos"], _row, as_json=as_json)


def _row(one: dict[str, Any]) -> list[str]:
    latest, applied = one["latest"], one["applied"]
    state = f"{latest['version']} {latest['status']}" if latest else ""
    done = f"{applied['videos']} of {applied['of']}" if applied else ""
    kept = str(one["kept_version"] or "")
    return [one["name"], str(one["marks"]["yes"]), str(one["marks"]["no"]), kept, state, done]


@concepts.command()
def hits(
    ctx: typer.Context,
    concept: Concept,
    limit: Annotated[int, typer.Option(min=1, max=200, help="How many moments.")] = 20,
    as_json: JsonFlag = False,
) -> None:
    """The moments that show it, surest first."""
    with connect(ctx) as sightline:
        found = list(sightline.concepts.hits(concept, limit=limit))
    print_items(
        found,
        ["video", "when", "confidence"],
        lambda one: [one["asset_name"], span(one["start_s"], one["end_s"]), percent(one["confidence"])],
        as_json=as_json,
        right=["confidence"],
    )


@concepts.command()
def apply(ctx: typer.Context, concept: Concept, as_json: JsonFlag = False) -> None:
    """Go through everything indexed once more."""
    with connect(ctx) as sightline:
        now = sightline.concepts.apply(concept)
    print_json(now) if as_json else notes().print("It goes through all videos again.")


@concepts.command()
def export(
    ctx: typer.Context,
    concept: Concept,
    out: Annotated[Path, typer.Option("--out", dir_okay=False, help="Where to write it.")],
    version: Version = None,
) -> None:
    """Write the whole concept to a file."""
    with connect(ctx) as sightline:
        document = sightline.concepts.export(concept, version=version)
    out.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n")
    notes().print(f"Wrote {out}.", markup=False)


@concepts.command("import")
def take_in(
    ctx: typer.Context,
    path: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="What export wrote.")],
    name: Annotated[str | None, typer.Option(help="Another name for it.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Make a concept out of a file; keep it to use it."""
    try:
        document = json.loads(path.read_text())
    except ValueError as error:
        raise typer.BadParameter(f"{path} is not what export writes") from error
    with connect(ctx) as sightline:
        taken = sightline.concepts.take_in(document | ({"name": name} if name else {}))
    print_json(taken) if as_json else notes().print(f"Took {taken['concept']['name']} in.", markup=False)


@concepts.command()
def delete(
    ctx: typer.Context,
    concept: Concept,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Forget it, and take its tag off every video."""
    with connect(ctx) as sightline:
        if not yes:
            typer.confirm(f"Delete {concept}?", abort=True, err=True)
        sightline.concepts.delete(concept)
    notes().print("Deleted.")
