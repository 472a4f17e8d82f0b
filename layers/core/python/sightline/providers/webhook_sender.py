"""Posts to a customer's address: resolved once, checked, and connected to by the address that was checked.

A name that is checked and then resolved again by the HTTP client may point elsewhere the second time (DNS
rebinding); so the socket is opened to the checked address, and the name serves TLS and the Host header only.
"""

import contextlib
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException
from urllib.parse import SplitResult, urlsplit

from sightline.errors import ForbiddenAddressError
from sightline.ports.outgoing import Posted
from sightline.public_addresses import Address, is_loopback, is_public

CONNECT_TIMEOUT_S, READ_TIMEOUT_S = 5.0, 10.0
# Whatever the receiver does, one byte at a time too: the attempt is over by then.
DEADLINE_S = 15.0
# Of the answer only its status counts; a little of the body is read so that the receiver sees it taken.
MAX_ANSWER_BYTES = 16 * 1024
USER_AGENT = "Sightline-Webhooks/1"

Resolve = Callable[[str, int], Sequence[Address]]


def resolve(host: str, port: int) -> list[Address]:
    """Every address of a name. Raises: OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    # An IPv6 address may carry its zone: fe80::1%eth0.
    return [ipaddress.ip_address(str(address[0]).partition("%")[0]) for *_, address in found]


@dataclass(slots=True)
class _Attempt:
    """What is known of one attempt so far."""

    status: int | None = None
    error: str | None = None
    retry_after_s: float | None = None
    body: bytes = b""
    begun: bool = False


class PinnedSender:
    """`loopback` lets this machine's addresses in, for local stages; `keep_bytes` of an answer are kept."""

    def __init__(
        self,
        *,
        loopback: bool = False,
        resolve: Resolve = resolve,
        context: ssl.SSLContext | None = None,
        keep_bytes: int = 0,
    ) -> None:
        self._loopback = loopback
        self._keep_bytes = keep_bytes
        self._resolve = resolve
        self._context = context or ssl.create_default_context()
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2

    def check(self, url: str) -> None:
        parts = urlsplit(url)
        try:
            self._address_of(parts)
        except (OSError, UnicodeError) as error:  # a label too long for a name is a UnicodeError
            raise ForbiddenAddressError("The host's name cannot be resolved.") from error

    def post(self, url: str, *, body: bytes, headers: Mapping[str, str]) -> Posted:
        began, attempt = time.monotonic(), _Attempt()
        try:
            self._post(attempt, urlsplit(url), body, headers)
        except ForbiddenAddressError as refused:
            attempt.error = refused.detail
        except ssl.SSLCertVerificationError:
            attempt.error = "The certificate is not valid for this host."
        except TimeoutError:
            attempt.error = "No answer in time."
        except (OSError, HTTPException, ValueError) as broken:
            attempt.error = f"No answer: {type(broken).__name__}."
        took_ms = int((time.monotonic() - began) * 1000)
        return Posted(
            attempt.status, attempt.error, attempt.retry_after_s, took_ms, attempt.body, attempt.begun
        )

    def _post(self, attempt: _Attempt, parts: SplitResult, body: bytes, headers: Mapping[str, str]) -> None:
        connection = _Pinned(parts, self._address_of(parts), self._context)
        overdue = threading.Event()
        timer = threading.Timer(DEADLINE_S, _hang_up, (connection, overdue))
        timer.daemon = True
        timer.start()
        try:
            connection.connect()
            attempt.begun = True
            connection.request("POST", _target(parts), body, {"user-agent": USER_AGENT, **headers})
            answer = connection.getresponse()
            attempt.body = answer.read(max(MAX_ANSWER_BYTES, self._keep_bytes))[: self._keep_bytes]
            attempt.status = answer.status
            attempt.retry_after_s = _seconds(answer.getheader("retry-after"))
        except (OSError, HTTPException, ValueError) as error:
            if overdue.is_set():
                raise TimeoutError from error
            raise
        finally:
            timer.cancel()
            connection.close()
            if connection.wire is not None:
                connection.wire.close()

    def _address_of(self, parts: SplitResult) -> Address:
        """The address to connect to. Raises: ForbiddenAddressError when any of the name's is not public."""
        addresses = self._resolve(parts.hostname or "", parts.port or 443)
        if not addresses:
            raise OSError("no address")
        if self._loopback and all(map(is_loopback, addresses)):
            return addresses[0]
        if parts.scheme != "https" or not all(map(is_public, addresses)):
            raise ForbiddenAddressError("The host is not on the public internet.")
        return addresses[0]


class _Pinned(HTTPConnection):
    """A connection to one address, under the name that was asked for."""

    def __init__(self, parts: SplitResult, address: Address, context: ssl.SSLContext) -> None:
        secure = parts.scheme == "https"
        super().__init__(parts.hostname or "", parts.port or (443 if secure else 80), timeout=READ_TIMEOUT_S)
        # What the Host header leaves out.
        self.default_port = 443 if secure else 80
        self._address = address
        self._tls = context if secure else None
        # http.client forgets the socket once an answer has begun; hanging up needs it until the end.
        self.wire: socket.socket | None = None

    def connect(self) -> None:
        self.wire = socket.create_connection((str(self._address), self.port), CONNECT_TIMEOUT_S)
        if self._tls is not None:
            secured = self._tls.wrap_socket(
                self.wire, server_hostname=self.host, do_handshake_on_connect=False
            )
            self.wire = secured
            secured.do_handshake()
        self.wire.settimeout(READ_TIMEOUT_S)
        self.sock = self.wire


def _hang_up(connection: _Pinned, overdue: threading.Event) -> None:
    overdue.set()
    if connection.wire is not None:
        with contextlib.suppress(OSError):
            # The plain socket's: TLS's own would take the connection apart under the thread that reads it.
            socket.socket.shutdown(connection.wire, socket.SHUT_RDWR)


def _target(parts: SplitResult) -> str:
    return (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds or as a date; nonsense is none."""
    if not retry_after:
        return None
    try:
        if retry_after.isdigit():
            return float(retry_after)
        return max(parsedate_to_datetime(retry_after).timestamp() - time.time(), 0.0)
    except (ValueError, OverflowError):
        return None
