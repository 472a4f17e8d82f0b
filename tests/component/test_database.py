"""Transactions when connections die, threads meet, and the database is away."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import boto3
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from sightline.database import app_conninfo, close_idle, owner_conninfo, ping, transaction
from sightline.errors import DatabaseUnavailableError
from tests.conftest import Database, Workspace, new_workspace

pytestmark = pytest.mark.component


def backend() -> int:
    with transaction() as connection:
        return connection.info.backend_pid


def end_backends(database: Database, *pids: int) -> None:
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        for pid in pids:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))


def test_a_kept_connection_that_died_is_replaced_without_an_error(database: Database) -> None:
    first = backend()
    assert backend() == first
    end_backends(database, first)
    assert backend() != first


def test_every_kept_connection_may_have_died(database: Database) -> None:
    with transaction() as one, transaction() as two:
        pids = one.info.backend_pid, two.info.backend_pid
    end_backends(database, *pids)
    assert backend() not in pids


def test_a_connection_lost_in_the_middle_is_worth_repeating(database: Database, workspace: Workspace) -> None:
    def interrupted() -> None:
        with transaction(workspace.id) as connection:
            connection.execute("UPDATE workspace SET name = 'half done'")
            end_backends(database, connection.info.backend_pid)
            connection.execute("SELECT 1")

    with pytest.raises(DatabaseUnavailableError) as caught:
        interrupted()
    assert caught.value.retryable
    with transaction(workspace.id) as connection:
        assert connection.execute("SELECT name FROM workspace").fetchone() == {"name": "Personal"}


def test_an_error_rolls_back_and_the_connection_is_used_again(workspace: Workspace) -> None:
    def failing() -> None:
        with transaction(workspace.id) as connection:
            assert connection.info.backend_pid == pid
            connection.execute("UPDATE workspace SET name = 'half done'")
            connection.execute("SELECT * FROM no_such_table")

    pid = backend()
    with pytest.raises(psycopg.errors.UndefinedTable):
        failing()
    assert backend() == pid
    with transaction(workspace.id) as connection:
        assert connection.execute("SELECT name FROM workspace").fetchone() == {"name": "Personal"}


def test_threads_and_nested_transactions_never_share_a_workspace(database: Database) -> None:
    workspaces = [new_workspace() for _ in range(4)]
    together = Barrier(len(workspaces))

    def seen(workspace: Workspace) -> list[object]:
        with transaction(workspace.id) as connection:
            together.wait(timeout=10)
            with transaction() as inner:
                assert inner.execute("SELECT id FROM workspace").fetchall() == []
            return [row["id"] for row in connection.execute("SELECT id FROM workspace").fetchall()]

    with ThreadPoolExecutor(len(workspaces)) as pool:
        assert list(pool.map(seen, workspaces)) == [[workspace.id] for workspace in workspaces]


def test_a_workspace_id_is_a_uuid_or_nothing_is_entered(database: Database) -> None:
    for text in ("x", "' OR 1=1 --", ""):
        with pytest.raises(psycopg.errors.InvalidTextRepresentation), transaction(text):
            pass
    ping()


def test_a_commit_at_ease_does_not_wait_for_the_disk_and_the_next_one_does(workspace: Workspace) -> None:
    waits = []
    with transaction() as connection:
        connection.execute("SELECT set_config('synchronous_commit', 'on', false)")
    for durable in (True, False, True):
        with transaction(workspace.id, durable=durable) as connection:
            waits.append(connection.execute("SELECT current_setting('synchronous_commit') AS now").fetchone())
    close_idle()
    assert waits == [{"now": "on"}, {"now": "off"}, {"now": "on"}]


def test_nothing_is_prepared_by_name(workspace: Workspace) -> None:
    """Named statements would pin an RDS Proxy session."""
    with transaction(workspace.id) as connection:
        for _ in range(10):
            connection.execute("SELECT name FROM workspace WHERE id = %s", (workspace.id,))
        assert connection.execute("SELECT count(*) AS n FROM pg_prepared_statements").fetchone() == {"n": 0}


def test_a_database_that_is_away_is_named(database: Database, set_settings: Callable[..., None]) -> None:
    close_idle()
    set_settings(database_url="postgresql://nobody:hunter2@127.0.0.1:1/none")
    with pytest.raises(DatabaseUnavailableError) as caught:
        ping()
    assert "hunter2" not in str(caught.value)


def test_host_and_secret_take_the_place_of_a_url(
    emulator: str,
    database: Database,
    set_settings: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", emulator)
    secrets = boto3.client("secretsmanager")
    arns = [
        secrets.create_secret(Name=name, SecretString=f'{{"username": "{name}", "password": "p w"}}')["ARN"]
        for name in ("sightline_app", "sightline_owner")
    ]
    monkeypatch.delenv("SIGHTLINE_DATABASE_URL")
    monkeypatch.delenv("SIGHTLINE_OWNER_DATABASE_URL")
    set_settings(
        database_secret_arn=arns[0], owner_database_secret_arn=arns[1], database_host="proxy.example.org"
    )
    app, owner = conninfo_to_dict(app_conninfo()), conninfo_to_dict(owner_conninfo())
    assert (app["user"], owner["user"]) == ("sightline_app", "sightline_owner")
    assert (app["host"], app["dbname"], app["password"]) == ("proxy.example.org", "sightline", "p w")
    assert app["sslmode"] == "require"
