"""A question from the command line: options into the body of POST /v1/search."""

import base64
import io
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import typer
from PIL import Image, UnidentifiedImageError

# A model looks at 96 to 336 pixels a side: more need not travel.
PICTURE_SIDE = 512
_MOMENT = re.compile(r"(?P<asset>[0-9a-fA-F-]{36})@(?P<start>\d+(?:\.\d+)?)(?:-(?P<end>\d+(?:\.\d+)?))?")
_COMPARED = {">=": "gte", "<=": "lte", ">": "gt", "<": "lt"}
_CONDITION = re.compile(r"(?P<key>[^=<>!]+?)\s*(?P<how>:=|>=|<=|=|>|<)\s*(?P<value>.*)", re.DOTALL)
_HOURS = re.compile(r"(?P<start>\d\d:\d\d)-(?P<end>\d\d:\d\d)(?:@(?P<zone>\S+))?")


@dataclass(frozen=True)
class Options:
    """What was said on the command line."""

    text: str | None = None
    image: Path | None = None
    like: str | None = None
    then: Sequence[str] = ()
    within: Sequence[float] = ()
    without: Sequence[str] = ()
    concepts: Sequence[str] = ()
    words: str | None = None
    filters: Sequence[str] = ()
    tags: Sequence[str] = ()
    assets: Sequence[str] = ()
    collapse: Sequence[str] = ()
    weights: Sequence[str] = ()
    relevance: float = 0.0
    smooth_s: float = 0.0
    gap_s: float | None = None
    per_video: int | None = None
    more: dict[str, Any] = field(default_factory=dict)


def question_of(options: Options) -> dict[str, Any]:
    """The body, without limit and cursor. Raises: typer.BadParameter."""
    body: dict[str, Any] = {"text": options.text, "words": options.words, "not": list(options.without)}
    if options.image:
        body["image"] = {"data": picture(options.image)}
    if options.like:
        body |= like(options.like)
    if options.image and "image" in body and "data" not in body["image"]:
        raise typer.BadParameter("give --image or one frame with --like, not both", param_hint="--like")
    body["then"] = steps(options.then, options.within)
    body["concepts"] = [{"concept": name} for name in options.concepts]
    body["filters"] = filters_of(options.filters, tags=options.tags, assets=options.assets)
    body["collapse"] = list(options.collapse)
    body["weights"] = dict(_weight(text) for text in options.weights)
    body["min_relevance"] = options.relevance
    moments = {
        "smooth_s": options.smooth_s or None,
        "min_gap_s": options.gap_s,
        "per_asset": options.per_video,
    }
    body["moments"] = {name: value for name, value in moments.items() if value is not None}
    given = {name: value for name, value in body.items() if value}
    if not given.keys() & {"text", "image", "example", "concepts"}:
        raise typer.BadParameter("say what to look for: TEXT, --image, --like or --concept")
    return given | options.more


def picture(path: Path) -> str:
    """A picture file in base64, no larger than a model looks at. Raises: typer.BadParameter."""
    try:
        with Image.open(path) as image:
            small = image.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise typer.BadParameter(f"{path} is not a picture", param_hint="--image") from error
    small.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=92)
    return base64.b64encode(file.getvalue()).decode()


def like(text: str) -> dict[str, Any]:
    """ASSET@12.0-15.5 is a stretch, ASSET@12.0 a frame."""
    found = _MOMENT.fullmatch(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not ASSET@12.0-15.5 or ASSET@12.0", param_hint="--like")
    if found["end"] is None:
        return {"image": frame(text)}
    span = {"start_s": float(found["start"]), "end_s": float(found["end"])}
    return {"example": {"asset_id": found["asset"], **span}}


def frame(text: str) -> dict[str, Any]:
    """ASSET@12.0."""
    found = _MOMENT.fullmatch(text)
    if found is None or found["end"] is not None:
        raise typer.BadParameter(f"{text!r} is not ASSET@12.0")
    return {"asset_id": found["asset"], "time_s": float(found["start"])}


def steps(then: Sequence[str], within: Sequence[float]) -> list[dict[str, Any]]:
    """One window for all steps, or one each."""
    if len(within) not in (0, 1, len(then)):
        raise typer.BadParameter("give --within once, or once for each --then", param_hint="--within")
    windows = list(within) * len(then) if len(within) == 1 else list(within) or [5.0] * len(then)
    return [{"text": text, "within_s": window} for text, window in zip(then, windows, strict=True)]


def _weight(text: str) -> tuple[str, float]:
    """text=2, image=0.5 or example=1."""
    part, _, number = text.partition("=")
    try:
        return part, float(number)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not PART=NUMBER", param_hint="--weight") from error


def filters_of(given: Sequence[str], *, tags: Sequence[str], assets: Sequence[str]) -> dict[str, Any]:
    """tag:NAME, -tag:NAME, captured>=TIME, hours=22:00-05:00@ZONE; anything else is about metadata."""
    filters: dict[str, Any] = {"tags": list(tags), "no_tags": [], "asset_ids": list(assets), "metadata": {}}
    captured: dict[str, str] = {}
    for text in given:
        if text.startswith(("tag:", "-tag:")):
            kind = "tags" if text.startswith("tag:") else "no_tags"
            filters[kind].append(text.partition(":")[2])
        elif found := re.fullmatch(r"captured\s*(>=|<)\s*(\S+)", text):
            captured["from" if found[1] == ">=" else "to"] = found[2]
        elif found := re.fullmatch(rf"hours\s*=\s*{_HOURS.pattern}", text):
            zone = {"zone": found["zone"]} if found["zone"] else {}
            filters["time_of_day"] = {"from": found["start"], "to": found["end"], **zone}
        else:
            _add_condition(filters["metadata"], text)
    filters["captured"] = captured
    return {name: value for name, value in filters.items() if value}


def _add_condition(metadata: dict[str, Any], text: str) -> None:
    """k=v, k:=JSON, k>=v, k>v, k<=v, k<v, `k in a,b`, `k exists`, `k missing`."""
    if found := re.fullmatch(r"(\S+)\s+(exists|missing)", text):
        _merge(metadata, found[1], {"exists": found[2] == "exists"})
    elif found := re.fullmatch(r"(\S+)\s+in\s+(.+)", text):
        _merge(metadata, found[1], {"in": [_value(one.strip()) for one in found[2].split(",")]})
    elif (found := _CONDITION.fullmatch(text)) is None:
        raise typer.BadParameter(f"{text!r} is not KEY=VALUE, KEY>=VALUE, KEY in A,B or tag:NAME")
    elif found["how"] == "=":
        metadata[found["key"]] = found["value"]
    elif found["how"] == ":=":
        metadata[found["key"]] = _json(found["value"])
    else:
        _merge(metadata, found["key"], {_COMPARED[found["how"]]: _value(found["value"])})


def _merge(metadata: dict[str, Any], key: str, part: dict[str, Any]) -> None:
    had = metadata.get(key)
    metadata[key] = {**had, **part} if isinstance(had, dict) else part


def _value(text: str) -> Any:
    """A number where it is one, text otherwise."""
    try:
        number = json.loads(text)
    except ValueError:
        return text
    return number if isinstance(number, (int, float)) else text


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r} is not JSON ({error})", param_hint="--filter") from error
