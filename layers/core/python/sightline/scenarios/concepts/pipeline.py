"""What can be done with concepts over the API, each in one transaction; marks and trainings beside it."""

from uuid import UUID

from sightline.cursor import decode_cursor, next_page
from sightline.database import Connection, transaction
from sightline.errors import ConflictError
from sightline.principal import Principal
from sightline.scenarios.concepts import rules, store
from sightline.scenarios.concepts.answers import answer_of, found
from sightline.scenarios.concepts.marking import mark
from sightline.scenarios.concepts.schemas import MAX_CONCEPTS, ConceptAnswer, ConceptPage, ConceptRequest
from sightline.telemetry import logger


def create_concept(principal: Principal, wanted: ConceptRequest) -> ConceptAnswer:
    """A new concept, with its first marks. Raises: ConflictError, ValidationError."""
    with transaction(principal.workspace_id) as conn:
        concept_id = new_concept(conn, principal, name=wanted.name, description=wanted.description)
        mark(conn, principal, concept_id, wanted)
        answer = answer_of(found(store.concept(conn, concept_id)))
    logger.info("concept created", concept_id=str(concept_id))
    return answer


def new_concept(conn: Connection, principal: Principal, *, name: str, description: str) -> UUID:
    """Raises: ConflictError."""
    if store.count_concepts(conn) >= MAX_CONCEPTS:
        raise ConflictError(f"A workspace has at most {MAX_CONCEPTS} concepts.")
    concept_id = store.add_concept(
        conn,
        workspace_id=principal.workspace_id,
        name=name,
        description=description,
        by=principal.principal_id,
    )
    if concept_id is None:
        raise ConflictError("There is a concept of this name.")
    return concept_id


def list_concepts(principal: Principal, *, name: str | None, cursor: str | None, limit: int) -> ConceptPage:
    """In order of names."""
    after = decode_cursor(cursor, (str,))[0] if cursor else None
    with transaction(principal.workspace_id) as conn:
        rows = store.concepts(conn, after=after, name=name, limit=limit + 1)
    rows, following = next_page(rows, limit, "name")
    return ConceptPage(items=[answer_of(row) for row in rows], next_cursor=following)


def read_concept(principal: Principal, concept_id: UUID) -> ConceptAnswer:
    """One concept. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return answer_of(found(store.concept(conn, concept_id)))


def delete_concept(principal: Principal, concept_id: UUID) -> None:
    """With the tags it put on videos. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.lock_concept(conn, concept_id))
        store.delete_concept(conn, concept_id, tag=rules.tag_of(row["name"]))
