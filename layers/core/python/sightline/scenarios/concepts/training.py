"""One training, off the queue: marks and background in, a draft with its figures out."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from numpy.typing import NDArray

from sightline.database import Connection, Row, transaction
from sightline.scenarios.concepts import mark_store, rules, store
from sightline.scenarios.concepts.wording import vector_in
from sightline.settings import get_settings
from sightline.telemetry import MetricUnit, logger, metrics
from sightline.vectors.spaces import Space, every_space

# Hard negatives are looked for among so many frames; 0.1 s to read, 2 MB.
BACKGROUND_FRAMES = 2000


def train_concept(message: Mapping[str, Any]) -> None:
    """Trains one version. Told twice, it learns the same again and writes it once."""
    workspace_id, concept_id = str(UUID(message["workspace_id"])), UUID(message["concept_id"])
    number = int(message["version"])
    with transaction(workspace_id) as conn:
        row = store.version(conn, concept_id, number)
        if row is None or row["status"] != "queued":
            logger.info("nothing to train", concept_id=str(concept_id), version=number)
            return
        space = newest_space(conn, row["model_id"])
        marked = mark_store.marked_points(conn, table=space.table, concept_id=concept_id) if space else []
        background = (
            mark_store.background_points(conn, table=space.table, size=BACKGROUND_FRAMES) if space else []
        )
        yes = sum(mark["yes"] for mark in marked)
        if space is None or (reason := rules.why_not(yes, len(marked) - yes)) is not None:
            reason = reason if space else "Nothing is indexed with this model yet."
            store.fail_training(conn, concept_id, number, code="too-few-marks", reason=reason or "")
            return
    learnt = _learn(space, marked, background, vector_in(message, dim=space.dim))
    with transaction(workspace_id) as conn:
        written = store.end_training(conn, concept_id, number, learnt)
    metrics.add_metric("ConceptsTrained", MetricUnit.Count, int(written))
    logger.info("concept trained", concept_id=str(concept_id), version=number, marks=len(marked))


def newest_space(conn: Connection, model_id: str) -> Space | None:
    """Where the frames of a model lie."""
    spaces = [space for space in every_space(conn, modality="frame") if space.model_id == model_id]
    return spaces[-1] if spaces else None


def current_model() -> str:
    """The model that embeds frames and questions."""
    return get_settings().image_model


def _learn(
    space: Space, marked: Sequence[Row], background: Sequence[Row], words: NDArray[Any] | None
) -> dict[str, Any]:
    # scikit-learn and what it stands on load for a second: only here, where they are used.
    import numpy as np

    from sightline.scenarios.concepts.learning import Marked, teach

    def stacked(rows: Sequence[Row]) -> Any:
        vectors = [row["embedding"].to_numpy() for row in rows]
        return np.asarray(vectors, np.float32).reshape(len(rows), space.dim)

    taught = teach(
        Marked(
            stacked(marked),
            np.asarray([mark["yes"] for mark in marked], bool),
            [rules.stretch_of(mark["asset_id"], mark["time_s"]) for mark in marked],
            words,
        ),
        stacked(_unmarked(background, marked)),
    )
    return {
        "model_id": space.model_id,
        "dim": space.dim,
        "weights": taught.line.weights.astype(float).tolist(),
        "bias": taught.line.bias,
        "calibration": store.as_json(taught.curve),
        "metrics": store.as_json(taught.metrics),
        "marks": store.as_json([[str(m["asset_id"]), m["time_s"], m["yes"]] for m in marked]),
    }


def _unmarked(background: Sequence[Row], marked: Sequence[Row]) -> list[Row]:
    """Frames that nobody marked, and none beside a yes: it shows the same."""
    shown: dict[UUID, list[float]] = {}
    for mark in marked:
        if mark["yes"]:
            shown.setdefault(mark["asset_id"], []).append(mark["time_s"])
    known = {(mark["asset_id"], mark["time_s"]) for mark in marked}
    return [
        row
        for row in background
        if (row["asset_id"], row["time_s"]) not in known
        and all(abs(row["time_s"] - at) > rules.NEAR_YES_S for at in shown.get(row["asset_id"], ()))
    ]
