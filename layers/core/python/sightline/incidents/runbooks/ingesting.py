"""Files into runbooks: only what changed is embedded anew, and what vanished goes."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pgvector import HalfVector

from sightline.database import Connection, Row, transaction
from sightline.errors import (
    EndpointUnavailableError,
    InternalError,
    NotFoundError,
    SourceRefusedError,
)
from sightline.incidents.runbooks import ingest_store, reading, store
from sightline.incidents.runbooks.chunking import Chunk, Document, document_of
from sightline.incidents.runbooks.giving_up import MAX_ATTEMPTS, SILENT, give_up, settled
from sightline.incidents.runbooks.naming import spaced
from sightline.incidents.runbooks.schemas import MAX_FILES
from sightline.ports.inference import DocumentEmbedder, Embedding
from sightline.ports.objects import Sources
from sightline.telemetry import logger
from sightline.vectors.packing import pack_halfvecs

PAGE_KEYS = 1000
MAX_TEXT_CHARS = 4000
"""Of a piece, as the document model is given it; it reads 256 tokens."""
PROBE = "runbook"
"""Embedded to learn which revision answers."""

Vectors = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class _Made:
    """A file that is new or changed, with the vectors of its new pieces."""

    document: Document
    space: str
    named: HalfVector
    gist: HalfVector
    vectors: Mapping[bytes, tuple[HalfVector, Vectors]]


@dataclass(frozen=True, slots=True)
class Ingesting:
    """Takes readings from the queue."""

    embedder: DocumentEmbedder
    sources: Sources

    def take(self, message: Mapping[str, Any]) -> None:
        """One reading; handed over twice, it is done once. Raises: EndpointUnavailableError and its like."""
        with transaction(message["workspace_id"]) as conn:
            job = ingest_store.begin_ingest(conn, UUID(message["ingest_id"]))
        if job is None:
            return
        if job["attempts"] > MAX_ATTEMPTS:
            give_up(job, InternalError(SILENT))
            return
        try:
            self._write(job, self._read(job))
        except Exception as error:
            if settled(job, error):
                return
            raise

    def _read(self, job: Row) -> reading.Read:
        if job["kind"] == "bucket":
            return self._fetch(job["place"]["bucket"], job["place"]["prefix"])
        payload = bytes(job["payload"])
        return reading.unzip(payload) if job["kind"] == "zip" else reading.unpack(payload)

    def _fetch(self, bucket: str, prefix: str) -> reading.Read:
        """Runbooks below a prefix. Raises: SourceRefusedError."""
        read = reading.Read()
        for key, path in reading.below(prefix, self._keys(bucket, prefix)):
            if len(read.files) >= MAX_FILES:
                read.refuse(path, f"there are more than {MAX_FILES:,} files")
                continue
            try:
                read.take(path, self.sources.read(bucket, key, max_bytes=reading.MAX_FILE_BYTES + 1))
            except (NotFoundError, SourceRefusedError) as error:
                read.refuse(path, error.detail)
        return read

    def _keys(self, bucket: str, prefix: str) -> Iterator[str]:
        after = ""
        while page := self.sources.page(bucket, prefix=prefix, after=after, limit=PAGE_KEYS):
            yield from (found.key for found in page)
            after = page[-1].key

    def _write(self, job: Row, read: reading.Read) -> None:
        """File by file, so that one that is killed goes on where it was."""
        space = _space(self.embedder.embed_texts([PROBE]))
        with transaction(job["workspace_id"]) as conn:
            known = store.known(conn, job["collection"])
        same = [known[path]["id"] for path, text in read.files.items() if _same(known.get(path), text, space)]
        with transaction(job["workspace_id"]) as conn:
            ingest_store.count(conn, job["id"], "unchanged", store.still_so(conn, job, same))
        for path, text in read.files.items():
            if _same(known.get(path), text, space):
                continue
            document = document_of(path, text)
            if not document.chunks:
                read.refuse(path, "it has no words")
            elif not self._put(job, path, text, document, space):
                break
        self._finish(job, read)

    def _finish(self, job: Row, read: reading.Read) -> None:
        with transaction(job["workspace_id"]) as conn:
            store.lock_collection(conn, job["workspace_id"], job["collection"])
            replaced = ingest_store.is_replaced(conn, job)
            if not replaced and not job["keep_missing"]:
                gone = store.delete_paths(conn, job, keep=list(read.files))
                ingest_store.count(conn, job["id"], "deleted", gone)
            status = "replaced" if replaced else "done"
            ingest_store.end_ingest(conn, job["id"], status=status, refused=read.refused)
        logger.info("runbooks read", ingest_id=str(job["id"]), status=status, files=len(read.files))

    def _put(self, job: Row, path: str, text: str, document: Document, space: str) -> bool:
        """Writes a file that is new or changed; False when a later reading takes over.

        It is embedded outside of any transaction; what was changed meanwhile is embedded again.
        """
        while True:
            with transaction(job["workspace_id"]) as conn:
                before = store.known_one(conn, job["collection"], path)
                comparable = before is not None and before["space"] == space
                held = store.chunk_hashes(conn, before["id"]) if before and comparable else set()
            made = self._embed(document, held)
            if made.space != space:
                raise EndpointUnavailableError("the endpoint changed its model between two calls")
            with transaction(job["workspace_id"]) as conn:
                store.lock_collection(conn, job["workspace_id"], job["collection"])
                if ingest_store.is_replaced(conn, job):
                    return False
                now = store.known_one(conn, job["collection"], path)
                if (now and now["content_hash"]) == (before and before["content_hash"]):
                    _write_runbook(conn, job, path, text, made)
                    ingest_store.count(conn, job["id"], "changed" if before else "added")
                    return True

    def _embed(self, document: Document, held: set[bytes]) -> _Made:
        pieces = {chunk.hash_under(document.title): chunk for chunk in document.chunks}
        fresh = {digest: chunk for digest, chunk in pieces.items() if digest not in held}
        texts = [spaced(document.title), gist_of(document)]
        for chunk in fresh.values():
            texts += [text_of(document, chunk), *chunk.sentences]
        embedding = self.embedder.embed_texts(texts)
        vectors, place = {}, 2
        for digest, chunk in fresh.items():
            end = place + 1 + len(chunk.sentences)
            vectors[digest] = (HalfVector(embedding.vectors[place]), embedding.vectors[place + 1 : end])
            place = end
        named, gist = map(HalfVector, embedding.vectors[:2])
        return _Made(document, _space(embedding), named, gist, vectors)


def gist_of(document: Document) -> str:
    """What a runbook is about: its name in words, and what it says of itself."""
    return f"{spaced(document.title)}. {document.about}"[:MAX_TEXT_CHARS]


def text_of(document: Document, chunk: Chunk) -> str:
    """A piece as the model is given it: it stands under its title."""
    said = " ".join(chunk.sentences) or chunk.text
    return f"{spaced(document.title)}: {' > '.join(chunk.headings)}\n{said}"[:MAX_TEXT_CHARS]


def _space(embedding: Embedding) -> str:
    """Vectors of two revisions do not mix."""
    return f"{embedding.model_id}@{embedding.revision}"


def _same(before: Row | None, text: str, space: str) -> bool:
    return before is not None and bytes(before["content_hash"]) == _digest(text) and before["space"] == space


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def _write_runbook(conn: Connection, job: Row, path: str, text: str, made: _Made) -> None:
    """A runbook and its pieces: those that are new with their vectors, the others at their new place."""
    document = made.document
    runbook = {
        "workspace_id": job["workspace_id"],
        "collection": job["collection"],
        "path": path,
        "title": document.title,
        "about": document.about,
        "impact": document.impact,
        "content": text,
        "content_hash": _digest(text),
        "space": made.space,
        "named": made.named,
        "gist": made.gist,
        "read_by": job["id"],
    }
    runbook["id"] = store.put_runbook(conn, runbook)
    if runbook["id"] is None:
        return
    pieces = {chunk.hash_under(document.title): chunk for chunk in document.chunks}
    store.drop_chunks(conn, runbook["id"], keep=[digest for digest in pieces if digest not in made.vectors])
    for place, (digest, chunk) in enumerate(pieces.items()):
        if digest not in made.vectors:
            store.move_chunk(conn, runbook["id"], place, chunk, digest)
            continue
        vector, said = made.vectors[digest]
        packed = pack_halfvecs(conn, said) if len(said) else None
        store.add_chunk(conn, runbook, place, chunk, title=document.title, vector=vector, sentences=packed)
