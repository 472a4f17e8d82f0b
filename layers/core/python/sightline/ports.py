"""What the domains need from the world outside. providers/ implements these; wiring.py chooses."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, Protocol

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

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


class EntityTagger(Protocol):
    """Finds what texts name: services, hosts, regions, error codes."""

    def tag(self, texts: Sequence[str]) -> "list[list[Entity]]":
        """Per text its entities, by start. Raises: EndpointUnavailableError, EndpointRefusedError."""
        ...


class Classifier(Protocol):
    """Judges texts on several axes, such as severity."""

    def classify(self, texts: Sequence[str]) -> "list[dict[str, Judgement]]":
        """Per text and axis its class. Raises: EndpointUnavailableError, EndpointRefusedError."""
        ...


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that may be cited: an alert, a section of a runbook."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence, and the ids of the passages it rests on."""

    text: str
    cites: tuple[str, ...]


WriterTask = Literal["summary", "answer"]


class Writer(Protocol):
    """Writes from passages and nothing else. Nobody trusts it: see incidents/citations.py."""

    @property
    def id(self) -> str:
        """`extractive`, or the model's name."""
        ...

    def write(
        self, task: WriterTask, *, question: str, passages: Sequence[Passage], max_sentences: int
    ) -> list[Sentence]:
        """None where the passages do not say. Raises: WriterUnavailableError."""
        ...


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """What the store knows about an object."""

    size_bytes: int
    content_type: str
    etag: str
    version_id: str


@dataclass(frozen=True, slots=True)
class UploadedPart:
    """One part of a multipart upload."""

    part_number: int
    etag: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """An address that carries its own permission, and the headers that must go with it."""

    url: str
    headers: Mapping[str, str]
    expires_at: str


class Blobs(Protocol):
    """Objects by key in the media bucket."""

    def presign_put(
        self, key: str, *, content_type: str, size_bytes: int, expires_s: int
    ) -> SignedRequest: ...
    def presign_get(self, key: str, *, expires_s: int, download_name: str = "") -> SignedRequest: ...
    def create_multipart(self, key: str, *, content_type: str) -> str: ...
    def presign_part(
        self, key: str, *, upload_id: str, part_number: int, size_bytes: int, expires_s: int
    ) -> SignedRequest: ...
    def put_part(self, key: str, *, upload_id: str, part_number: int, data: bytes) -> str:
        """Sends one part ourselves; answers its ETag. Raises: NotFoundError when the upload is gone."""
        ...

    def list_parts(self, key: str, *, upload_id: str) -> list[UploadedPart]: ...
    def complete_multipart(self, key: str, *, upload_id: str, parts: Sequence[tuple[int, str]]) -> None: ...
    def abort_multipart(self, key: str, *, upload_id: str) -> None: ...
    def head(self, key: str) -> BlobInfo | None: ...
    def put(self, key: str, data: bytes, *, content_type: str) -> None: ...
    def get(self, key: str) -> bytes: ...
    def open(self, key: str, *, version_id: str = "") -> "AbstractContextManager[BinaryIO]":
        """A seekable reader over ranged reads, so that a decoder fetches only what it needs.

        Raises: NotFoundError.
        """
        ...

    def keys(self, prefix: str) -> Iterator[str]: ...
    def delete_prefix(self, prefix: str) -> int:
        """Deletes every version under the prefix; answers how many."""
        ...

    def count_versions(self, prefix: str) -> int:
        """How many versions and delete markers there are under the prefix, by listing."""
        ...


@dataclass(frozen=True, slots=True)
class SourceObject:
    """An object of another bucket, as a listing shows it."""

    key: str
    etag: str
    size_bytes: int
    storage_class: str


class Sources(Protocol):
    """Buckets that videos and runbooks are imported from. Raises: SourceRefusedError, where not allowed."""

    def page(self, bucket: str, *, prefix: str, after: str, limit: int) -> list[SourceObject]:
        """Objects in order of their keys, after a key."""
        ...

    def look(self, bucket: str, key: str) -> SourceObject | None:
        """One object; None where there is none that we may see."""
        ...

    def read(self, bucket: str, key: str, *, max_bytes: int) -> bytes:
        """An object's first bytes. Raises: NotFoundError, SourceRefusedError."""
        ...

    def copy(self, bucket: str, source: SourceObject, *, to: str, content_type: str) -> None:
        """Copies this very version into the media bucket. Raises: NotFoundError, SourceRefusedError."""
        ...


class Events(Protocol):
    """Tells the rest of the platform what happened."""

    def publish(self, name: str, detail: Mapping[str, Any]) -> None: ...


class Queue(Protocol):
    """Work for later, delivered at least once."""

    def send(self, message: Mapping[str, Any]) -> None: ...


class TrainingQueue(Queue, Protocol):
    """Concepts to train."""


class ApplicationQueue(Queue, Protocol):
    """Concepts to apply to what is indexed."""


class DeliveryQueue(Queue, Protocol):
    """Deliveries of monitoring tools, to be read."""


class RunbookQueue(Queue, Protocol):
    """Files to be read into runbooks."""


class QuestionQueue(Queue, Protocol):
    """Questions to be answered from runbooks."""


class Pause(Protocol):
    """Waits, where a request is there to wait."""

    def __call__(self, seconds: float, /) -> None: ...


class SummaryQueue(Queue, Protocol):
    """Incidents to be summarised."""


class Pages(Protocol):
    """Pages at addresses that were checked before."""

    def fetch(self, address: str) -> bytes:
        """Over TLS, a few kilobytes, no redirects. Raises: DeliveryNotKeptError."""
        ...


class DelayedQueue(Protocol):
    """Work for later, delivered at least once and not before so many seconds (900 at most)."""

    def send(self, message: Mapping[str, Any], *, delay_s: int = 0) -> None: ...


class Vault(Protocol):
    """Seals what only we may read again; what was sealed for one purpose opens for no other."""

    def seal(self, secret: bytes, *, purpose: Mapping[str, str]) -> bytes: ...
    def unseal(self, sealed: bytes, *, purpose: Mapping[str, str]) -> bytes: ...


class ChannelVault(Vault, Protocol):
    """Seals the secrets of notification channels."""


@dataclass(frozen=True, slots=True)
class Posted:
    """What came of an attempt: the answer's status, or why there is none.

    body: the answer's, as far as the sender keeps any. begun: it may have arrived; False: it surely has not.
    """

    status: int | None
    error: str | None
    retry_after_s: float | None
    took_ms: int
    body: bytes = b""
    begun: bool = False


class WebhookSender(Protocol):
    """Posts to addresses that customers name, and to nothing that is not everybody's to reach."""

    def check(self, url: str) -> None:
        """Raises: ForbiddenAddressError."""
        ...

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Posted:
        """One attempt; follows no redirect and never raises for what the receiver does."""
        ...


class NoticeQueue(DelayedQueue, Protocol):
    """Messages about incidents, to be sent."""


@dataclass(frozen=True, slots=True)
class Mail:
    """A letter. conversation: the same for all that belong together."""

    to: Sequence[str]
    subject: str
    text: str
    html: str
    conversation: str


class Mailer(Protocol):
    """Sends mail from the stage's own address."""

    def send(self, mail: Mail) -> Posted:
        """One attempt, which nothing repeats by itself; never raises for what the service says."""
        ...


class ActionQueue(Queue, Protocol):
    """Work on all results of a search."""


class Pipeline(Protocol):
    """Runs of a state machine."""

    def start(self, name: str, payload: Mapping[str, Any]) -> bool:
        """False when a run of this name was started before."""
        ...

    def status(self, name: str) -> str | None:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED; None when there is no such run."""
        ...


class ImportRuns(Pipeline, Protocol):
    """Runs of the state machine that imports."""


class ExportRuns(Pipeline, Protocol):
    """Runs of the state machine that writes exports."""


@dataclass(frozen=True, slots=True)
class Registration:
    """A new account, and where its confirmation code went (masked)."""

    user_id: str
    confirmation_sent_to: str


@dataclass(frozen=True, slots=True)
class Tokens:
    """What a sign-in gives; refresh_token is empty after a refresh."""

    access_token: str
    id_token: str
    refresh_token: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class Profile:
    """Who an access token belongs to."""

    user_id: str
    email: str
    name: str


class Identity(Protocol):
    """Accounts and sign-in, kept by an identity provider."""

    def sign_up(self, *, email: str, password: str, name: str) -> Registration: ...
    def confirm(self, *, email: str, code: str) -> None: ...
    def resend_code(self, *, email: str) -> None:
        """Sends another confirmation code, where an account waits for one; never says whether one does."""
        ...

    def forgot_password(self, *, email: str) -> None:
        """Sends a code to set a new password with, where there is such an account; never says whether."""
        ...

    def reset_password(self, *, email: str, code: str, password: str) -> None: ...
    def sign_in(self, *, email: str, password: str) -> Tokens: ...
    def refresh(self, *, refresh_token: str) -> Tokens: ...
    def profile(self, *, access_token: str) -> Profile: ...
    def sign_out(self, *, access_token: str) -> None: ...
    def delete(self, *, access_token: str) -> None: ...


class TokenVerifier(Protocol):
    """Says whose access token this is."""

    def verify(self, token: str) -> str:
        """The user's id. Raises: UnauthenticatedError, IdentityUnavailableError."""
        ...
