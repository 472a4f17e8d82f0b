"""Models on the endpoint."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from sightline.contracts.inference import SheetLayout
    from sightline.contracts.inference_answers import Entity, Judgement


@dataclass(frozen=True, slots=True)
class Embedding:
    """Vectors of one call. Shapes: vectors (n, dim), float16 or float32, L2-normalised."""

    model_id: str
    revision: str
    dim: int
    vectors: "NDArray[np.floating[Any]]"


class Embedder(Protocol):
    """Turns texts and contact sheets into vectors of one space."""

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        """One vector per text. Raises: EndpointUnavailableError, EndpointRefusedError."""
        ...

    def embed_images(self, images: Sequence[str]) -> Embedding:
        """One vector per picture: JPEG, PNG or WebP files, each as base64.

        Raises: EndpointUnavailableError, EndpointRefusedError.
        """
        ...

    def embed_sheet(self, jpeg: bytes, layout: "SheetLayout", *, revision: str | None = None) -> Embedding:
        """One vector per tile, in reading order; of this revision of the model alone, if one is given.

        Raises: EndpointUnavailableError, EndpointRefusedError, ModelRevisionGoneError.
        """
        ...


class DocumentEmbedder(Protocol):
    """Turns longer texts (alerts, runbooks) into vectors of one space, which is not that of pictures."""

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        """One vector per text. Raises: EndpointUnavailableError, EndpointRefusedError."""
        ...


class TimedEmbedder(Protocol):
    """A DocumentEmbedder whose caller says how long it may take."""

    def embed_texts(self, texts: Sequence[str], *, within_s: float) -> Embedding:
        """One vector per text; nothing is begun after `within_s`.

        Raises: EndpointUnavailableError, EndpointRefusedError.
        """
        ...


class EntityTagger(Protocol):
    """Finds what texts name: services, hosts, regions, error codes."""

    def tag(self, texts: Sequence[str], *, within_s: float) -> "list[list[Entity]]":
        """Per text its entities, by start; nothing is begun after `within_s`.

        Raises: EndpointUnavailableError, EndpointRefusedError.
        """
        ...


class Classifier(Protocol):
    """Judges texts on several axes, such as severity."""

    def classify(self, texts: Sequence[str], *, within_s: float) -> "list[dict[str, Judgement]]":
        """Per text and axis its class; nothing is begun after `within_s`.

        Raises: EndpointUnavailableError, EndpointRefusedError.
        """
        ...
