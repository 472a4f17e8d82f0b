"""A concept as a document: taken out whole, and put in again elsewhere."""

import math
from uuid import UUID

from sightline.database import transaction
from sightline.errors import ConflictError, ValidationError
from sightline.principal import Principal
from sightline.scenarios.concepts import mark_store, store
from sightline.scenarios.concepts.answers import answer_of, found, found_version
from sightline.scenarios.concepts.pipeline import new_concept
from sightline.scenarios.concepts.schemas import (
    ConceptExport,
    CurvePoints,
    ExportedMark,
    ExportModel,
    ImportAnswer,
)


def export_concept(principal: Principal, concept_id: UUID, number: int | None) -> ConceptExport:
    """The kept version, or the one asked for. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.concept(conn, concept_id))
        wanted = number if number is not None else row["kept_version"]
        if wanted is None:
            raise ConflictError("No version of it is kept yet: name one.")
        version = found_version(store.version(conn, concept_id, wanted))
    if version["weights"] is None:
        raise ConflictError("This training has not ended, or has failed.")
    return ConceptExport(
        name=row["name"],
        description=row["description"],
        model=ExportModel(id=version["model_id"], dim=version["dim"]),
        version=wanted,
        weights=version["weights"],
        bias=version["bias"],
        curve=CurvePoints(**version["calibration"]) if version["calibration"] else None,
        bar=row["bar"],
        metrics=version["metrics"] or {},
        marks=[ExportedMark(asset_id=a, time_s=t, yes=yes) for a, t, yes in version["marks"] or ()],
    )


def import_concept(principal: Principal, given: ConceptExport) -> ImportAnswer:
    """A new concept with this training as its first draft. Raises: ConflictError, ValidationError."""
    _check(given)
    with transaction(principal.workspace_id) as conn:
        concept_id = new_concept(conn, principal, name=given.name, description=given.description)
        kept = mark_store.import_marks(
            conn,
            workspace_id=principal.workspace_id,
            concept_id=concept_id,
            by=principal.principal_id,
            marks=given.marks,
        )
        store.add_version(
            conn,
            {
                "concept_id": concept_id,
                "status": "draft",
                "model_id": given.model.id,
                "dim": given.model.dim,
                "weights": given.weights,
                "bias": given.bias,
                "calibration": store.as_json(given.curve.model_dump() if given.curve else None),
                # Whatever a foreign document claims: figures count where they were measured.
                "metrics": None,
                "marks": store.as_json([[str(m.asset_id), m.time_s, m.yes] for m in given.marks]),
                "by": principal.principal_id,
            },
        )
        concept = answer_of(found(store.concept(conn, concept_id)))
    return ImportAnswer(concept=concept, marks_kept=kept, marks_left_out=len(given.marks) - kept)


def _check(given: ConceptExport) -> None:
    problems = []
    if len(given.weights) != given.model.dim:
        problems.append({"field": "body.weights", "message": "As many as the model has dimensions."})
    if not 1e-6 < math.hypot(*given.weights) < 1e6 or abs(given.bias) > 1e6:
        problems.append({"field": "body.weights", "message": "No classifier of frames looks like this."})
    curve = given.curve
    if curve and (
        len(curve.x) != len(curve.y) or any(a >= b for a, b in zip(curve.x, curve.x[1:], strict=False))
    ):
        problems.append({"field": "body.curve", "message": "x grows, and has one y for each."})
    if problems:
        raise ValidationError("See errors for the fields.", errors=problems)
