"""What can be done with recorded and saved searches over the API."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import pydantic
from psycopg.types.json import Jsonb

from sightline.cursor import decode_cursor, id_in, next_page
from sightline.database import Connection, Row, transaction
from sightline.errors import ConflictError, NotFoundError, ValidationError
from sightline.ports.objects import Blobs
from sightline.principal import Principal
from sightline.scenarios.answers import SearchAnswer
from sightline.scenarios.legs import images_of
from sightline.scenarios.pipeline import Providers, compose_for, search
from sightline.scenarios.saved import match_store, store
from sightline.scenarios.saved.recorded_schemas import (
    RecordedAnswer,
    RecordedPage,
    RecordedResult,
    RecordedTook,
    RecordedWhole,
)
from sightline.scenarios.saved.schemas import (
    MAX_SAVED,
    MAX_STANDING,
    MatchAnswer,
    MatchPage,
    RunRequest,
    SavedAnswer,
    SavedChange,
    SavedPage,
    SavedRequest,
)
from sightline.scenarios.schemas import SearchRequest
from sightline.telemetry import logger


def list_recorded(
    principal: Principal, wanted: Mapping[str, Any], *, cursor: str | None, limit: int
) -> RecordedPage:
    """The workspace's searches, newest first."""
    with transaction(principal.workspace_id) as conn:
        rows = store.recorded_page(conn, {**wanted, "before": id_in(cursor), "limit": limit + 1})
    rows, following = next_page(rows, limit, "id")
    return RecordedPage(items=[_recorded_answer(row) for row in rows], next_cursor=following)


def read_recorded(principal: Principal, search_id: UUID) -> RecordedWhole:
    """One search, with what it showed. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        asked = _recorded_answer(found_search(store.recorded(conn, search_id)))
        results = [RecordedResult(**row) for row in store.results(conn, search_id)]
    return RecordedWhole(**asked.model_dump(), results=results)


def repeat(
    principal: Principal, search_id: UUID, wanted: RunRequest, *, providers: Providers, blobs: Blobs
) -> SearchAnswer:
    """The same question again, of what is indexed now. Raises: NotFoundError, ConflictError."""
    with transaction(principal.workspace_id) as conn:
        row = found_search(store.recorded(conn, search_id))
    return search(principal, _request_of(row["request"], wanted), providers=providers, blobs=blobs)


def save(principal: Principal, wanted: SavedRequest, *, providers: Providers) -> SavedAnswer:
    """A search under a name. Raises: ConflictError, NotFoundError, ValidationError."""
    request = wanted.request or _recorded_request(principal, wanted.search_id)
    _check(principal, request, standing=wanted.standing, providers=providers)
    with transaction(principal.workspace_id) as conn:
        _check_room(conn, standing=wanted.standing, new=True)
        saved_id = store.add_saved(
            conn,
            {
                "workspace_id": principal.workspace_id,
                "created_by": principal.principal_id,
                "name": wanted.name,
                "request": Jsonb(_told(request)),
                "standing": wanted.standing,
                "bar": wanted.bar,
            },
        )
        if saved_id is None:
            raise ConflictError("There is a saved search of this name.")
        answer = _saved_answer(found(store.saved(conn, saved_id)))
    logger.info("search saved", saved_search_id=str(saved_id), standing=wanted.standing)
    return answer


def list_saved(
    principal: Principal, *, name: str | None, standing: bool | None, cursor: str | None, limit: int
) -> SavedPage:
    """In order of names."""
    after = decode_cursor(cursor, (str,))[0] if cursor else None
    with transaction(principal.workspace_id) as conn:
        rows = store.saved_page(conn, after=after, name=name, standing=standing, limit=limit + 1)
    rows, following = next_page(rows, limit, "name")
    return SavedPage(items=[_saved_answer(row) for row in rows], next_cursor=following)


def read_saved(principal: Principal, saved_id: UUID) -> SavedAnswer:
    """One saved search. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        return _saved_answer(found(store.saved(conn, saved_id)))


def change_saved(
    principal: Principal, saved_id: UUID, change: SavedChange, *, providers: Providers
) -> SavedAnswer:
    """Replaces what is given. Raises: NotFoundError, ConflictError, ValidationError."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.saved(conn, saved_id))
    standing = row["standing"] if change.standing is None else change.standing
    if change.request is not None or (standing and not row["standing"]):
        request = change.request or SearchRequest.model_validate(row["request"])
        _check(principal, request, standing=standing, providers=providers)
    with transaction(principal.workspace_id) as conn:
        if standing and not row["standing"]:
            _check_room(conn, standing=True, new=False)
        row = found(store.lock_saved(conn, saved_id))
        given = change.model_dump(exclude_none=True, exclude={"request"})
        if change.request is not None:
            given["request"] = Jsonb(_told(change.request))
        if given:
            asks = change.request is not None and _told(change.request) != row["request"]
            anew = asks or (change.bar is not None and change.bar != row["bar"])
            _check_name(conn, saved_id, change.name)
            store.change_saved(conn, saved_id, given, anew=anew)
        return _saved_answer(found(store.saved(conn, saved_id)))


def delete_saved(principal: Principal, saved_id: UUID) -> None:
    """With its matches and labels; its runs stay recorded. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        if not store.delete_saved(conn, saved_id):
            raise NotFoundError("There is no such saved search.")


def run_saved(
    principal: Principal, saved_id: UUID, wanted: RunRequest, *, providers: Providers, blobs: Blobs
) -> SearchAnswer:
    """Asks it now. Raises: NotFoundError, and as search()."""
    with transaction(principal.workspace_id) as conn:
        row = found(store.saved(conn, saved_id))
    answer = search(principal, _request_of(row["request"], wanted), providers=providers, blobs=blobs)
    if wanted.cursor is None:
        with transaction(principal.workspace_id) as conn:
            store.note_run(conn, search_id=answer.search_id, saved_id=saved_id)
    return answer


def list_matches(principal: Principal, saved_id: UUID, *, cursor: str | None, limit: int) -> MatchPage:
    """What a standing search found by itself, newest first. Raises: NotFoundError."""
    with transaction(principal.workspace_id) as conn:
        found(store.saved(conn, saved_id))
        rows = match_store.matches(conn, saved_id, before=id_in(cursor), limit=limit + 1)
    rows, following = next_page(rows, limit, "id")
    items = [MatchAnswer(**{name: row[name] for name in MatchAnswer.model_fields}) for row in rows]
    return MatchPage(items=items, next_cursor=following)


def _recorded_request(principal: Principal, search_id: UUID | None) -> SearchRequest:
    if search_id is None:
        raise NotFoundError("There is no such search.")
    with transaction(principal.workspace_id) as conn:
        row = found_search(store.recorded(conn, search_id))
    return _request_of(row["request"], RunRequest())


def _request_of(kept: Mapping[str, Any], wanted: RunRequest) -> SearchRequest:
    """A kept question, to be asked now. Raises: ConflictError for one with an uploaded picture."""
    if any("data" in (step.get("image") or {}) for step in (kept, *kept.get("then", []))):
        raise ConflictError("Its uploaded picture was not kept: ask again with the picture.")
    given = wanted.model_dump(exclude_none=True)
    try:
        return SearchRequest.model_validate({**kept, **given})
    except pydantic.ValidationError as error:
        raise ConflictError("It was asked in a form that is understood no more: ask anew.") from error


def _told(request: SearchRequest) -> dict[str, Any]:
    """A question as it is kept: with the defaults of its day left out, and without a place in its pages."""
    return request.model_copy(update={"cursor": None}).model_dump(
        mode="json", by_alias=True, exclude_defaults=True
    )


def _check(principal: Principal, request: SearchRequest, *, standing: bool, providers: Providers) -> None:
    """What cannot be asked now cannot be kept. Raises: ValidationError, NotFoundError."""
    if images_of(request):
        field = {
            "field": "body.request.image",
            "message": "Name a frame of an own video: uploads are not kept.",
        }
        raise ValidationError("See errors for the fields.", errors=[field])
    if standing:
        compose_for(principal.workspace_id, request, providers=providers)


def _check_room(conn: Connection, *, standing: bool, new: bool) -> None:
    saved, running = store.count_saved(conn)
    if new and saved >= MAX_SAVED:
        raise ConflictError(f"A workspace has at most {MAX_SAVED} saved searches.")
    if standing and running >= MAX_STANDING:
        raise ConflictError(f"At most {MAX_STANDING} saved searches stand.")


def _check_name(conn: Connection, saved_id: UUID, name: str | None) -> None:
    taken = store.saved_page(conn, after=None, name=name, standing=None, limit=1) if name else []
    if taken and taken[0]["id"] != saved_id:
        raise ConflictError("There is a saved search of this name.")


def found_search(row: Row | None) -> Row:
    if row is None:
        raise NotFoundError("There is no such search.")
    return row


def found(row: Row | None) -> Row:
    if row is None:
        raise NotFoundError("There is no such saved search.")
    return row


def _recorded_answer(row: Row) -> RecordedAnswer:
    took = RecordedTook(embed=row["embed_ms"], sql=row["sql_ms"], total=row["total_ms"])
    shown = {name: row[name] for name in RecordedAnswer.model_fields if name in row}
    return RecordedAnswer(**shown, took_ms=took)


def _saved_answer(row: Row) -> SavedAnswer:
    return SavedAnswer(**{name: row[name] for name in SavedAnswer.model_fields})
