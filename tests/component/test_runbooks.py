"""Runbooks and the copilot over HTTP: a real Postgres, the shipped document model and writer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gpu_endpoint.models.minilm import SentenceEncoder, load_sentence_encoder
from sightline.errors import EndpointUnavailableError, WriterUnavailableError
from sightline.http import MAX_PICTURE_BODY_BYTES, as_lambda, create_app
from sightline.incidents.runbooks.answering import Answering
from sightline.incidents.runbooks.ingesting import Ingesting
from sightline.incidents.runbooks.routes import router
from sightline.incidents.writing import Writers
from sightline.ports import Embedding, Passage, Pause, QuestionQueue, RunbookQueue, Sentence, SourceObject
from sightline.providers.writer_extractive import ExtractiveWriter
from tests.component.conftest import Answer, Handler, call, member_of
from tests.conftest import Workspace

pytestmark = pytest.mark.component

POSTGRES = """# PostgresReplicationLag

The standby answers with old rows.

## Diagnosis

Compare the positions on the primary:

```sql
SELECT client_addr, replay_lag FROM pg_stat_replication;
```

## Mitigation

Cancel the longest query on the standby. Then restart the walreceiver of the standby.
"""
CERTIFICATES = """# CertificateExpiresSoon

The certificate of a gateway runs out within fourteen days, and clients will refuse it.

## Mitigation

Renew it with `certctl renew gateway` and reload the gateway. The issuer is asked again by itself every night.
"""
FILES = {"db/PostgresReplicationLag.md": POSTGRES, "tls/CertificateExpiresSoon.md": CERTIFICATES}


class Model:
    """The document model as the endpoint runs it; down when told so. Counts what it was asked."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self.encoder, self.up, self.asked = encoder, True, 0

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        if not self.up:
            raise EndpointUnavailableError
        self.asked += len(texts)
        vectors = np.asarray(self.encoder(list(texts)), np.float16)
        return Embedding("all-minilm-l6-v2", self.encoder.revision, 384, vectors)


class Bucket:
    """Other people's bucket."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def page(self, _bucket: str, *, prefix: str, after: str, limit: int) -> list[SourceObject]:
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > after)[:limit]
        return [SourceObject(key, "e", len(self.objects[key]), "STANDARD") for key in keys]

    def look(self, _bucket: str, _key: str) -> SourceObject | None:
        raise AssertionError("nobody looks")

    def read(self, _bucket: str, key: str, *, max_bytes: int) -> bytes:
        return self.objects[key][:max_bytes]

    def copy(self, *_: Any, **__: Any) -> None:
        raise AssertionError("nobody copies")


class Author:
    """A writing model that says what it was told to say."""

    id = "a-model"

    def __init__(self, *said: str, fails: bool = False, cite: str | None = None) -> None:
        self.said, self.fails, self.cite = said, fails, cite

    def write(self, *_: Any, passages: Sequence[Passage], **__: Any) -> list[Sentence]:
        if self.fails:
            raise WriterUnavailableError
        return [Sentence(text, (self.cite or passages[0].id,)) for text in self.said]


class Held:
    """A queue that keeps its messages until they are taken."""

    def __init__(self) -> None:
        self.messages: list[Mapping[str, Any]] = []

    def send(self, message: Mapping[str, Any]) -> None:
        self.messages.append(message)


class User:
    """A member of a workspace, its queues, and the functions behind them."""

    def __init__(self, workspace: Workspace, model: Model) -> None:
        self.workspace, self.model, self.bucket = workspace, model, Bucket()
        self.readings, self.questions = Held(), Held()
        self.author: Any = ExtractiveWriter()
        self.pauses: list[float] = []
        self.meanwhile: Any = lambda: None
        self.handler: Handler = as_lambda(
            create_app(
                router,
                ports={
                    RunbookQueue: lambda: self.readings,
                    QuestionQueue: lambda: self.questions,
                    Pause: lambda: self._pause,
                },
                max_body_bytes=MAX_PICTURE_BODY_BYTES,
            )
        )

    def _pause(self, seconds: float, /) -> None:
        self.pauses.append(seconds)
        self.meanwhile()

    def http(self, method: str, path: str, *, role: str = "editor", **more: Any) -> Answer:
        return call(self.handler, method, path, principal=member_of(self.workspace, role), **more)

    def read(self, files: Mapping[str, str], **more: Any) -> dict[str, Any]:
        listed = [{"path": path, "text": text} for path, text in files.items()]
        return self.ingest({"files": listed, **more})

    def ingest(self, body: Any, **more: Any) -> dict[str, Any]:
        answer = self.http("POST", "/v1/runbooks", body=body, **more)
        assert answer.status == 202, answer.text
        self.take_readings()
        done: dict[str, Any] = self.http("GET", f"/v1/runbook-ingests/{answer.json['id']}").json
        return done

    def take_readings(self) -> None:
        messages, self.readings.messages = self.readings.messages, []
        for message in messages:
            Ingesting(embedder=self.model, sources=self.bucket).take(message)

    def ask(self, question: str, **more: Any) -> dict[str, Any]:
        answer = self.http("POST", "/v1/copilot", body={"question": question, **more}, role="viewer")
        assert answer.status == 202, answer.text
        self.take_questions()
        return self.answer(answer.json["id"])

    def take_questions(self) -> None:
        messages, self.questions.messages = self.questions.messages, []
        for message in messages:
            self.take(message)

    def take(self, message: Mapping[str, Any]) -> None:
        Answering(embedder=self.model, writers=Writers(self.author, ExtractiveWriter())).take(message)

    def answer(self, answer_id: str, query: str = "wait_s=0") -> dict[str, Any]:
        answer = self.http("GET", f"/v1/copilot/{answer_id}", query=query, role="viewer")
        assert answer.status == 200, answer.text
        found: dict[str, Any] = answer.json
        return found

    def runbooks(self) -> dict[str, dict[str, Any]]:
        items = self.http("GET", "/v1/runbooks", role="viewer").json["items"]
        return {item["path"]: item for item in items}


@pytest.fixture(scope="module")
def encoder(models_home: Path) -> SentenceEncoder:
    return load_sentence_encoder(models_home / "models")


@pytest.fixture
def user(workspace: Workspace, encoder: SentenceEncoder) -> User:
    return User(workspace, Model(encoder))


@pytest.fixture
def stranger(other_workspace: Workspace, encoder: SentenceEncoder) -> User:
    return User(other_workspace, Model(encoder))


def counts(ingest: Mapping[str, Any]) -> tuple[int, int, int, int]:
    said = ingest["runbooks"]
    return said["added"], said["changed"], said["unchanged"], said["deleted"]


def test_a_question_is_answered_with_words_of_the_runbooks_and_where_they_stand(user: User) -> None:
    done = user.read(FILES)
    assert (done["status"], counts(done), done["refused"]) == ("done", (2, 0, 0, 0), [])
    answer = user.ask("The standby of our database is behind, what do I do?")
    assert (answer["status"], answer["done"], answer["writer"]) == ("answered", True, "extractive")
    assert answer["sentences"]
    lines = POSTGRES.split("\n")
    for number, sentence in enumerate(answer["sentences"], 1):
        (citation,) = sentence["citations"]
        assert sentence["no"] == number
        assert citation["path"] == "db/PostgresReplicationLag.md"
        quoted = "\n".join(lines[citation["first_line"] - 1 : citation["last_line"]])
        assert citation["quote"] in quoted
    said = " ".join(sentence["text"] for sentence in answer["sentences"])
    assert "Cancel the longest query on the standby." in said
    assert any(
        citation["headings"] == ["Mitigation"] for s in answer["sentences"] for citation in s["citations"]
    )
    assert answer["next_after"] == len(answer["sentences"])


def test_what_the_runbooks_do_not_say_is_not_answered(user: User) -> None:
    user.read(FILES)
    answer = user.ask("Who orders new chairs for the office kitchen?")
    assert (answer["status"], answer["done"], answer["sentences"]) == ("not_said", True, [])
    assert user.ask("Is there anything at all?")["status"] == "not_said"
