"""/v1/concepts."""

from typing import Annotated
from uuid import UUID

from fastapi import Path, Query

from sightline.http import Cursor, Limit, Principal, create_router, port, rate_limited, require_role
from sightline.ports.inference import Embedder
from sightline.ports.work import ApplicationQueue, TrainingQueue
from sightline.scenarios.concepts import marking, pipeline, sharing, versions
from sightline.scenarios.concepts.schemas import (
    ConceptAnswer,
    ConceptExport,
    ConceptPage,
    ConceptRequest,
    HitPage,
    ImportAnswer,
    KeepRequest,
    MarkPage,
    MarksRequest,
    TaggedPage,
    VersionAnswer,
    VersionPage,
)

router = create_router(prefix="/v1", tags=["concepts"])

Reader = Annotated[Principal, require_role("viewer", "search")]
Editor = Annotated[Principal, require_role("editor", "assets:write")]
Trainings = Annotated[TrainingQueue, port(TrainingQueue)]
Model = Annotated[Embedder, port(Embedder)]
Applications = Annotated[ApplicationQueue, port(ApplicationQueue)]
Version = Annotated[int, Path(ge=1, le=2**31 - 1)]
_RATE = [rate_limited("concepts", lambda settings: settings.write_rate_per_minute)]


@router.post("/concepts", status_code=201, dependencies=_RATE)
def create_concept(body: ConceptRequest, principal: Editor) -> ConceptAnswer:
    """A new concept, with its first marks if they are known."""
    return pipeline.create_concept(principal, body)


@router.post("/concepts/import", status_code=201, dependencies=_RATE)
def import_concept(body: ConceptExport, principal: Editor) -> ImportAnswer:
    """A new concept out of an export; its training is a draft until it is kept."""
    return sharing.import_concept(principal, body)


@router.get("/concepts")
def list_concepts(
    principal: Reader,
    name: Annotated[str | None, Query(max_length=80, pattern=r"^[^\x00]*$")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ConceptPage:
    """Concepts in order of names."""
    return pipeline.list_concepts(principal, name=name, cursor=cursor, limit=limit)


@router.get("/concepts/{concept_id}")
def read_concept(concept_id: UUID, principal: Reader) -> ConceptAnswer:
    """One concept: its marks counted, its latest training, how far it is applied."""
    return pipeline.read_concept(principal, concept_id)


@router.delete("/concepts/{concept_id}", status_code=204)
def delete_concept(concept_id: UUID, principal: Editor) -> None:
    """Forgets a concept, and takes its tag off every video."""
    pipeline.delete_concept(principal, concept_id)


@router.post("/concepts/{concept_id}/marks", dependencies=_RATE)
def change_marks(concept_id: UUID, body: MarksRequest, principal: Editor) -> ConceptAnswer:
    """Marks frames yes or no, by time or by tag, and takes marks back."""
    return marking.change_marks(principal, concept_id, body)


@router.get("/concepts/{concept_id}/marks")
def list_marks(concept_id: UUID, principal: Reader, cursor: Cursor = None, limit: Limit = 200) -> MarkPage:
    """What is marked, by video and time."""
    return marking.list_marks(principal, concept_id, cursor=cursor, limit=limit)


@router.post("/concepts/{concept_id}/train", status_code=202, dependencies=_RATE)
def train(concept_id: UUID, principal: Editor, queue: Trainings, embedder: Model) -> VersionAnswer:
    """Learns from the marks; a draft with its figures is there within seconds."""
    return versions.train(principal, concept_id, queue=queue, embedder=embedder)


@router.get("/concepts/{concept_id}/versions")
def list_versions(
    concept_id: UUID, principal: Reader, cursor: Cursor = None, limit: Limit = 50
) -> VersionPage:
    """Its trainings, newest first."""
    return versions.list_versions(principal, concept_id, cursor=cursor, limit=limit)


@router.get("/concepts/{concept_id}/versions/{version}")
def read_version(concept_id: UUID, version: Version, principal: Reader) -> VersionAnswer:
    """One training: precision and recall on frames it had not seen."""
    return versions.read_version(principal, concept_id, version)


@router.post("/concepts/{concept_id}/versions/{version}/keep", dependencies=_RATE)
def keep(
    concept_id: UUID, version: Version, body: KeepRequest, principal: Editor, queue: Applications
) -> ConceptAnswer:
    """Searches with this version from now on, and tags every video with it."""
    return versions.keep(principal, concept_id, version, bar=body.bar, queue=queue)


@router.post("/concepts/{concept_id}/apply", status_code=202, dependencies=_RATE)
def apply_again(concept_id: UUID, principal: Editor, queue: Applications) -> ConceptAnswer:
    """Goes through everything indexed once more, say after tags were changed by hand."""
    return versions.apply_again(principal, concept_id, queue=queue)


@router.get("/concepts/{concept_id}/hits")
def list_hits(
    concept_id: UUID,
    principal: Reader,
    asset_id: Annotated[UUID | None, Query(description="Only in this video.")] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> HitPage:
    """Moments that show it, surest first."""
    return versions.list_hits(principal, concept_id, asset_id=asset_id, cursor=cursor, limit=limit)


@router.get("/concepts/{concept_id}/assets")
def list_assets(concept_id: UUID, principal: Reader, cursor: Cursor = None, limit: Limit = 50) -> TaggedPage:
    """Videos that show it, surest first, each with its confidence."""
    return versions.list_assets(principal, concept_id, cursor=cursor, limit=limit)


@router.get("/concepts/{concept_id}/export")
def export_concept(
    concept_id: UUID,
    principal: Reader,
    version: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="Else the kept one.")] = None,
) -> ConceptExport:
    """The whole concept as one document: weights, calibration, figures, marks."""
    return sharing.export_concept(principal, concept_id, version)
