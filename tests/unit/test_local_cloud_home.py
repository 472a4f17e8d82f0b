"""The home folder: ports that stay, one cloud at a time, room on the disk, logs that do not grow forever."""

import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_cloud import ports
from local_cloud.certificate import ensure_certificate
from local_cloud.errors import DiskFullError, LocalCloudError, PortTakenError
from local_cloud.home import DEFAULT_API_PORT, Home
from local_cloud.logs import ROTATE_BYTES, FunctionLogs
from local_cloud.space import require_space

pytestmark = pytest.mark.unit


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield int(listener.getsockname()[1])


def test_ports_are_the_same_at_the_next_start(home: Home) -> None:
    first = home.choose_ports(api_port=0)

    assert home.choose_ports(api_port=None) == first
    assert home.choose_ports(api_port=0) == first
    assert len({first.api, first.emulator, first.endpoint, first.postgres}) == 4


def test_the_api_has_a_port_people_can_remember(home: Home) -> None:
    if not ports.is_free(DEFAULT_API_PORT):
        pytest.skip(f"another program listens on {DEFAULT_API_PORT} here")

    assert home.choose_ports(api_port=None).api == DEFAULT_API_PORT


def test_a_chosen_port_replaces_the_remembered_one(home: Home) -> None:
    home.choose_ports(api_port=0)
    wanted = ports.free_port()

    assert home.choose_ports(api_port=wanted).api == wanted


def test_who_needs_no_port_in_particular_gets_another_where_it_is_taken(home: Home, taken_port: int) -> None:
    (home.path / "ports.json").write_text(f'{{"api": {taken_port}}}')

    assert home.choose_ports(api_port=None, any_port=True).api != taken_port


def test_a_taken_api_port_is_an_error_and_another_taken_port_is_replaced(home: Home, taken_port: int) -> None:
    with pytest.raises(PortTakenError, match=f"Port {taken_port} on 127.0.0.1, wanted for the HTTP API"):
        home.choose_ports(api_port=taken_port)

    (home.path / "ports.json").write_text(f'{{"emulator": {taken_port}}}')
    assert home.choose_ports(api_port=0).emulator != taken_port


def test_one_cloud_per_home(home: Home) -> None:
    with home.lock(), pytest.raises(LocalCloudError, match="already runs"), Home(home.path).lock():
        pass

    with home.lock():
        pass


def test_a_full_disk_is_said_before_anything_is_written(tmp_path: Path) -> None:
    require_space(tmp_path, minimum_bytes=1)

    with pytest.raises(DiskFullError, match="choose another folder with --home"):
        require_space(tmp_path, minimum_bytes=2**60)


def test_a_long_log_is_set_aside(tmp_path: Path) -> None:
    long = tmp_path / "system_api.log"
    long.write_text("x" * (ROTATE_BYTES + 1))
    logs = FunctionLogs(tmp_path)

    logs.write("system_api", "new\n")
    logs.close()

    assert long.read_text() == "new\n"
    assert (tmp_path / "system_api.log.1").stat().st_size == ROTATE_BYTES + 1


def test_the_certificate_is_made_once_and_verifies_for_localhost(tmp_path: Path) -> None:
    certificate = ensure_certificate(tmp_path / "tls")
    shown = certificate.chain.read_bytes()

    assert ensure_certificate(tmp_path / "tls").chain.read_bytes() == shown
    assert certificate.key.stat().st_mode & 0o777 == 0o600
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(certificate.chain, certificate.key)
    client = ssl.create_default_context(cafile=certificate.authority)
    _shake_hands(client, server, hostname="localhost")
    with pytest.raises(ssl.SSLCertVerificationError):
        _shake_hands(client, server, hostname="elsewhere.example")


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext, *, hostname: str) -> None:
    """A TLS handshake in memory."""
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=hostname),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    while ends:
        for end in list(ends):
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue
            ends.remove(end)
