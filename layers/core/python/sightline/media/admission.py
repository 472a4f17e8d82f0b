"""Runs begin when there is room: the endpoint is not sent more than it takes, whatever arrives at once."""

from uuid import UUID

from sightline.database import Row, transaction
from sightline.media import rules, store
from sightline.ports.work import Pipeline
from sightline.settings import get_settings
from sightline.telemetry import logger

PAGE = 50
"""Runs started in one go: what is left waits for the next end of a run, or the next sweep."""


def admit(*, pipeline: Pipeline) -> list[UUID]:
    """Starts waiting runs while there is room, in turn from every workspace; answers whose.

    A run that was let in and not started, because this process died, is started by the sweep. What fails for
    one does not keep others waiting.
    """
    with transaction() as conn:
        admitted = store.admit_runs(conn, at_once=get_settings().runs_at_once, limit=PAGE)
    failures: list[Exception] = []
    for workspace_id, asset_id in admitted:
        try:
            with transaction(workspace_id) as conn:
                row = store.asset(conn, asset_id)
            if row is not None:
                start(row, pipeline=pipeline)
        except Exception as error:  # noqa: BLE001 - raised below, all together
            failures.append(error)
    if failures:
        raise ExceptionGroup(f"{len(failures)} of {len(admitted)} runs could not be started", failures)
    return [asset_id for _, asset_id in admitted]


def start(row: Row, *, pipeline: Pipeline) -> bool:
    """Starts the state machine for the row's run; False when it was started before."""
    name = rules.execution_name(row["id"], row["source_version"], row["run"])
    ids = {"workspace_id": str(row["workspace_id"]), "asset_id": str(row["id"]), "run": row["run"]}
    started = pipeline.start(name, ids)
    logger.info("indexing started" if started else "indexing had started", execution=name)
    return started
