"""Looks after imports that nobody else does: runs that never started, or ended without a word."""

from typing import Any
from uuid import UUID

from sightline.database import transaction
from sightline.media.imports import fetching, rules, store
from sightline.media.imports.pipeline import start
from sightline.ports.work import Events, ImportRuns

QUIET_S = 120
PAGE = 100
MOST_ATTEMPTS = 5


def sweep(*, runs: ImportRuns, events: Events) -> dict[str, Any]:
    """One round; answers how often it did what."""
    with transaction() as conn:
        claimed = store.claim_unattended(conn, quiet_s=QUIET_S, limit=PAGE)
    done: dict[str, int] = {}
    for workspace_id, import_id in claimed:
        deed = look_after(workspace_id, import_id, runs=runs, events=events)
        done[deed] = done.get(deed, 0) + 1
    return done


def look_after(workspace_id: UUID, import_id: UUID, *, runs: ImportRuns, events: Events) -> str:
    """Does what one import needs; answers what that was."""
    with transaction(workspace_id) as conn:
        row = store.one_import(conn, import_id)
    if row is None or row["status"] not in ("listing", "fetching"):
        return "import settled"
    status = runs.status(rules.execution_name(row["id"], row["attempt"]))
    if status == "RUNNING":
        return "import running"
    if status is None:
        start(row, runs=runs)
        return "import started"
    if row["attempt"] >= MOST_ATTEMPTS:
        fetching.give_up(workspace_id, import_id, "gave-up", events=events)
        return "import gave up"
    with transaction(workspace_id) as conn:
        again = store.next_attempt(conn, import_id, after=row["attempt"])
    if again is not None:
        start(again, runs=runs)
    return "import begun anew"
