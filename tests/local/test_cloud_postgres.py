"""The embedded Postgres starts quickly, cannot outlive its starter, and is taken over after a kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from local_cloud import ports
from local_cloud.database import check_versions, prepare_database
from local_cloud.errors import LocalCloudError, PortTakenError
from local_cloud.postgres import EmbeddedPostgres
from local_cloud.services import running
from tests.running_cloud import REPOSITORY, wait_until

pytestmark = pytest.mark.local

# Starts a server, prints its address and process id, and lingers until it is killed.
STARTER = """
import sys
from pathlib import Path
from local_cloud.postgres import EmbeddedPostgres
with EmbeddedPostgres(Path(sys.argv[1])) as server:
    print(server.url, server.pid, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    with EmbeddedPostgres(tmp_path / "pg", durable=False) as server:
        yield server


def value(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()  # type: ignore[call-overload]
    return row[0]


def test_it_is_auroras_version_with_pgvector_on_this_machine_only(server: EmbeddedPostgres) -> None:
    assert str(value(server.url, "SHOW server_version")).startswith("16.")
    with psycopg.connect(server.url) as connection:
        check_versions(connection)
    assert value(server.url, "SHOW listen_addresses") == "127.0.0.1"
    with pytest.raises(psycopg.OperationalError, match="authentication failed"):
        psycopg.connect(f"postgresql://postgres:guess@127.0.0.1:{server.port}/postgres")


def test_data_survives_a_restart_on_the_same_port(server: EmbeddedPostgres) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    url = server.url

    server.restart()

    assert server.url == url
    assert value(url, "SELECT n FROM kept") == 7


def test_the_server_ends_when_its_starter_is_killed_and_the_next_one_takes_over(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, tmp_path / "pg"],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout
    assert starter.stdin
    url, pid = starter.stdout.readline().split()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")

    starter.kill()
    starter.wait()
    starter.stdin.close()
    starter.stdout.close()

    wait_until(lambda: not running(int(pid)), timeout_s=15, what="the end of the orphan")
    with EmbeddedPostgres(tmp_path / "pg") as server:
        assert value(server.url, "SELECT n FROM kept") == 7


def test_a_lock_file_of_another_process_is_no_obstacle(tmp_path: Path) -> None:
    """In a container, process ids repeat: a stale postmaster.pid may name a living stranger."""
    server = EmbeddedPostgres(tmp_path / "pg")
    server.start()
    assert server.pid
    os.kill(server.pid, signal.SIGKILL)
    server.stop()
    (tmp_path / "pg" / "postmaster.pid").write_text(
        f"{os.getpid()}\n{tmp_path / 'pg'}\n0\n1\n\n127.0.0.1\n\n"
    )

    with server:
        assert value(server.url, "SELECT 1") == 1


def test_a_chosen_port_that_is_taken_is_named(server: EmbeddedPostgres, tmp_path: Path) -> None:
    with pytest.raises(PortTakenError, match=f"Port {server.port} on 127.0.0.1, wanted for Postgres"):
        EmbeddedPostgres(tmp_path / "other", port=server.port).start()


def test_a_folder_with_other_things_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")

    with pytest.raises(LocalCloudError, match=r"not empty \(notes.txt\)"):
        EmbeddedPostgres(tmp_path).start()

    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_two_roles_with_their_own_passwords(server: EmbeddedPostgres, tmp_path: Path) -> None:
    secrets = tmp_path / "pg-secrets"

    first = prepare_database(server.url, secrets_path=secrets)
    again = prepare_database(server.url, secrets_path=secrets)

    assert first == again
    assert secrets.stat().st_mode & 0o777 == 0o600
    assert value(first.owner, "SELECT '[1,2]'::halfvec(2)::text") == "[1,2]"
    assert value(first.app, "SELECT current_user") == "sightline_app"
    with psycopg.connect(first.app) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("CREATE TABLE mine (n int)")


def test_a_user_who_may_not_set_up_the_database_is_told_what_to_grant(
    server: EmbeddedPostgres, tmp_path: Path
) -> None:
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE ROLE guest LOGIN PASSWORD 'guest'")

    with pytest.raises(LocalCloudError, match="Give it CREATEROLE, CREATEDB"):
        prepare_database(
            f"postgresql://guest:guest@127.0.0.1:{server.port}/postgres", secrets_path=tmp_path / "secrets"
        )


def test_free_ports_are_free() -> None:
    assert ports.is_free(ports.free_port())
