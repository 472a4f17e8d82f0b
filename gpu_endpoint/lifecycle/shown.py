"""What an operator sees of a store: tables for people; `--json` prints what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gpu_endpoint.lifecycle.controller import Controller

MODELS = ("model", "current", "previous", "candidate", "serving", "registered", "note")
REVISIONS = ("container", "model", "revision", "state", "note")
TALLIED = ("requests", "compared", "agreement", "least_agreement", "failed", "skipped")
FEW = 3
SHADOWS = ("container", "model in shadow", "requests", "compared", "agreement", "least", "failed", "skipped")


def summary(controller: Controller) -> list[dict[str, Any]]:
    """Each model's revisions, how many containers answer with the current one, and what is registered."""
    status, registered = controller.status(), controller.registered()
    containers = status["containers"]
    served = [
        {name: entry.get(name) for name in ("id", "current", "previous", "candidate", "rolled_back")}
        | {
            "registered": registered.pop(entry["id"], []),
            "serving": sum(one["routes"].get(entry["id"]) == entry["current"] for one in containers),
            "containers": len(containers),
        }
        for entry in status["models"]
    ]
    others = [{"id": name, "registered": revisions} for name, revisions in registered.items()]
    return served + others


def models_table(models: Sequence[dict[str, Any]]) -> str:
    """One line a model."""
    if not models:
        return "no container lives, and nothing is registered"
    rows = []
    for one in models:
        named = {one.get("current"), one.get("previous"), (one.get("candidate") or {}).get("revision")}
        rows.append(
            (
                one["id"],
                one.get("current") or "not served",
                one.get("previous") or "",
                candidate_text(one.get("candidate")),
                f"{one['serving']} of {one['containers']}" if "serving" in one else "",
                few([name for name in one["registered"] if name not in named]),
                f"taken back: {one['rolled_back']}" if one.get("rolled_back") else "",
            )
        )
    return table(MODELS, rows)


def few(revisions: Sequence[str]) -> str:
    """The first ones, and how many more."""
    more = len(revisions) - FEW
    return " ".join(revisions[:FEW]) + (f" and {more} more" if more > 0 else "")


def candidate_text(candidate: dict[str, Any] | None) -> str:
    """The revision, and the share of the traffic it gets."""
    if not candidate:
        return ""
    share = "" if candidate["mode"] == "idle" else f" ({candidate['mode']} {candidate['share']:g})"
    return f"{candidate['revision']}{share}"


def containers_table(containers: Sequence[dict[str, Any]]) -> str:
    """One line a container and revision; then what shadows have compared."""
    rows = [
        (one["container"], said["model"], said["revision"], said["state"], said["reason"])
        for one in containers
        for said in one["revisions"]
    ]
    misread = [(one["container"], "", "", "", one["misread"]) for one in containers if one["misread"]]
    shadows = [
        (one["container"], model, *(f"{tally[name]:g}" for name in TALLIED))
        for one in containers
        for model, tally in one["shadow"].items()
    ]
    parts = [table(REVISIONS, rows + misread)] + ([table(SHADOWS, shadows)] if shadows else [])
    return "\n\n".join(parts)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their longest cell; those that are empty are left out."""
    kept = [place for place in range(len(columns)) if any(row[place] for row in rows)]
    lines = [[row[place] for place in kept] for row in (columns, *rows)]
    widths = [max(map(len, cells)) for cells in zip(*lines, strict=True)]
    padded = (
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )
    return "\n".join(line.rstrip() for line in padded)
