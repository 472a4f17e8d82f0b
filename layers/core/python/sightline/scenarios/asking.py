"""What must be known before a question can be composed: kept vectors, the model's answers, the captions."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

import numpy as np

from sightline.database import transaction
from sightline.errors import EndpointRefusedError, EndpointUnavailableError
from sightline.ports.inference import Embedder, Embedding
from sightline.scenarios import kept
from sightline.scenarios.answers import SearchModel
from sightline.scenarios.composed import Vector
from sightline.scenarios.kept import Known
from sightline.scenarios.legs import Asked, images_of, invalid, steps_of, texts_of
from sightline.scenarios.paging import fingerprint
from sightline.scenarios.schemas import SearchRequest
from sightline.settings import get_settings
from sightline.vectors.captions import captions, keep_bank, kept_bank

_banks: dict[tuple[str, int], Vector] = {}


def answer_key(request: SearchRequest) -> bytes:
    """What a first page is kept under."""
    asked = f"{get_settings().image_model}\0{request.limit}\0".encode() + fingerprint(request)
    return hashlib.sha256(asked).digest()


def keepable(request: SearchRequest) -> bool:
    """Not where a concept is asked for: teaching it anew changes the answer and no video."""
    return not any(step.concepts for step in steps_of(request))


def look_up(workspace_id: UUID | str, request: SearchRequest) -> Known:
    """What is kept of an earlier asking, by whichever process."""
    settings = get_settings()
    with transaction(workspace_id) as conn:
        return kept.look_up(
            conn,
            key=answer_key(request),
            model_id=settings.image_model,
            questions=[*texts_of(request), *images_of(request)],
            answers_s=settings.answers_kept_s,
            vectors_s=settings.question_vectors_kept_s,
        )


def ask(
    embedder: Embedder, request: SearchRequest, known: Known, pictures: Mapping[str, Vector] | None = None
) -> Asked:
    """What the model makes of the question's words and pictures; what is known is not asked again.

    pictures: those of a recorded search, which itself keeps no files.
    Raises: EndpointUnavailableError, EndpointRefusedError; ValidationError for what is no picture.
    """
    texts, images = texts_of(request), images_of(request)
    had = {**known.vectors, **(pictures or {})}
    seen: list[Embedding] = []
    had |= _embedded([text for text in texts if text not in had], embedder.embed_texts, seen)
    try:
        had |= _embedded([image for image in images if image not in had], embedder.embed_images, seen)
    except EndpointRefusedError as error:
        raise invalid("body.image.data", "Not a JPEG, PNG or WebP picture that can be read.") from error
    model_id, revision = get_settings().image_model, known.revision
    if seen:
        model_id, revision = seen[0].model_id, seen[0].revision
    size = next((len(vector) for vector in had.values()), 0)
    model = SearchModel(id=model_id, revision=revision, dim=size)
    return Asked(model, {text: had[text] for text in texts}, {image: had[image] for image in images})


def _embedded(
    items: list[str], embed: Callable[[Sequence[str]], Embedding], seen: list[Embedding]
) -> dict[str, Vector]:
    if not items:
        return {}
    embedding = embed(items)
    seen.append(embedding)
    return dict(zip(items, np.asarray(embedding.vectors, np.float32), strict=True))


def bank_of(embedder: Embedder, model: SearchModel) -> Vector | None:
    """What a model makes of the generic captions: asked for once, then kept for all. None while it is busy.

    Shapes: (captions, dim).
    """
    key = (model.id, model.dim)
    if key not in _banks:
        with transaction() as conn:
            bank = kept_bank(conn, model_id=model.id, dim=model.dim)
        if bank is None:
            try:
                bank = np.asarray(embedder.embed_texts(captions()).vectors, np.float32)
            except EndpointUnavailableError:
                return None
            with transaction() as conn:
                keep_bank(conn, model_id=model.id, dim=model.dim, vectors=list(bank))
        _banks[key] = bank
    return _banks[key]
