"""Bringing a file's bytes to storage: one signed PUT, or parallel parts that can be resumed."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock
from typing import Any

import httpx

from client.errors import StorageError
from client.shapes import SignedPart, Upload
from client.transport import Retry, Transport

# Addresses run out: sign no more of them at a time than are sent soon.
SIGNED_AT_ONCE = 16
PARALLEL_PARTS = 4
CHUNK_BYTES = 256 * 1024
# Storage answers 403 to an address that has run out.
EXPIRED = 403
# A part of 64 MiB at 1 MB/s takes a minute; the limit is on silence, not on the whole.
SILENCE_S = 60.0

OnBytes = Callable[[int, int], None]


class SignedAddresses:
    """The signed upload addresses of one asset."""

    def __init__(self, api: Transport, asset_id: str) -> None:
        self._api = api
        self._path = f"/v1/assets/{asset_id}/upload"

    def state(self) -> Upload:
        """What storage has, and a fresh address for a single PUT."""
        return Upload.of(self._api.call("GET", self._path))

    def parts(self, numbers: list[int]) -> list[SignedPart]:
        """Addresses of these parts."""
        answer = self._api.call("POST", f"{self._path}/parts", json={"part_numbers": numbers})
        return [SignedPart.of(part) for part in answer["parts"]]

    def complete(self, etags: dict[int, str]) -> None:
        """Join the parts."""
        parts = [{"part_number": number, "etag": etag} for number, etag in etags.items()]
        self._api.call("POST", f"{self._path}/complete", json={"parts": parts})


class _Counter:
    """Bytes that storage confirmed or that are on their way, reported as they grow."""

    def __init__(self, total: int, report: OnBytes | None) -> None:
        self._done, self._total, self._report, self._lock = 0, total, report, Lock()

    def add(self, amount: int) -> None:
        with self._lock:
            self._done += amount
            if self._report:
                self._report(self._done, self._total)


def send(
    path: Path,
    upload: Upload,
    addresses: SignedAddresses,
    *,
    http: httpx.Client,
    retry: Retry,
    report: OnBytes | None = None,
) -> None:
    """Upload what storage does not have yet. Raises: StorageError, ApiError."""
    counter = _Counter(path.stat().st_size, report)
    sender = _Sender(path, http=http, retry=retry, counter=counter)
    if upload.method == "put":
        _send_whole(sender, upload, addresses)
    else:
        _send_parts(sender, upload, addresses)


def _send_whole(sender: "_Sender", upload: Upload, addresses: SignedAddresses) -> None:
    for _ in range(2):
        url = upload.url
        if url is None:
            break
        response = sender.put(url, offset=0, size=sender.size, headers=upload.headers)
        if response.status_code != EXPIRED:
            _accepted(response)
            return
        upload = addresses.state()
    raise StorageError("Storage refuses the upload address, also a fresh one.")


def _send_parts(sender: "_Sender", upload: Upload, addresses: SignedAddresses) -> None:
    etags = {part.part_number: part.etag for part in upload.uploaded}
    sender.counter.add(sum(part.size_bytes for part in upload.uploaded))
    refused = 0
    while missing := [number for number in range(1, upload.part_count + 1) if number not in etags]:
        signed = addresses.parts(missing[:SIGNED_AT_ONCE])
        arrived = _send_signed(sender, upload, signed)
        refused = 0 if arrived else refused + 1
        if refused > 1:
            raise StorageError("Storage refuses the addresses of the parts, also fresh ones.")
        etags |= arrived
    addresses.complete(dict(sorted(etags.items())))


def _send_signed(sender: "_Sender", upload: Upload, signed: list[SignedPart]) -> dict[int, str]:
    """The ETags of the parts that arrived. Ctrl-C ends the parts on their way as well."""
    with ThreadPoolExecutor(PARALLEL_PARTS) as pool:
        try:
            sent = pool.map(lambda part: _send_part(sender, upload, part), signed)
            return {number: etag for number, etag in sent if etag is not None}
        except BaseException:
            sender.stopped = True
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _send_part(sender: "_Sender", upload: Upload, part: SignedPart) -> tuple[int, str | None]:
    """The part's ETag, or None when its address had run out."""
    offset = (part.part_number - 1) * upload.part_size_bytes
    size = min(upload.part_size_bytes, sender.size - offset)
    response = sender.put(part.url, offset=offset, size=size, headers=part.headers)
    if response.status_code == EXPIRED:
        return part.part_number, None
    _accepted(response)
    return part.part_number, response.headers["etag"]


def _accepted(response: httpx.Response) -> None:
    if response.is_error:
        raise StorageError(f"Storage answered {response.status_code}: {response.text[:200]}")


class _Sender:
    """PUTs ranges of one file, again when the connection breaks or storage is busy."""

    def __init__(self, path: Path, *, http: httpx.Client, retry: Retry, counter: _Counter) -> None:
        self.path, self.size, self.counter = path, path.stat().st_size, counter
        self._http, self._retry = http, retry
        self.stopped = False

    def put(self, url: str, *, offset: int, size: int, headers: dict[str, str]) -> httpx.Response:
        attempt = 0
        while True:
            sent = [0]
            request: dict[str, Any] = {
                "content": self._read(offset, size, sent),
                "headers": {**headers, "Content-Length": str(size)},
                "timeout": SILENCE_S,
            }
            last = attempt + 1 >= self._retry.tries
            try:
                response = self._http.put(url, **request)
            except httpx.TransportError as error:
                if last:
                    raise StorageError(f"Storage does not answer ({error}).") from error
            else:
                if response.is_success:
                    return response
                if last or response.status_code < 500:
                    self.counter.add(-sent[0])
                    return response
            self.counter.add(-sent[0])
            self._retry.wait(attempt, None)
            attempt += 1

    def _read(self, offset: int, size: int, sent: list[int]) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(offset)
            while sent[0] < size:
                chunk = file.read(min(CHUNK_BYTES, size - sent[0]))
                if self.stopped or not chunk:
                    raise StorageError(f"{self.path.name} was cut short while it was uploaded.")
                sent[0] += len(chunk)
                self.counter.add(len(chunk))
                yield chunk
