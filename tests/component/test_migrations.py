"""Migrations: once each, in order, whoever runs them, how often and how many at once."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from sightline.database import owner_connection
from sightline.migrations import Migration, MigrationError, apply, migrate, migrations
from tests.conftest import Database

pytestmark = pytest.mark.component

NOTE = Migration(9001, "9001_note.sql", "CREATE TABLE note (id int); INSERT INTO note VALUES (1);")
BROKEN = Migration(9002, "9002_broken.sql", "INSERT INTO note VALUES (2); SELECT * FROM no_such_table;")


@pytest.fixture
def empty_database(database: Database, set_settings: Callable[..., None]) -> Iterator[None]:
    """A database on the same server that no migration has seen; the owner connects to it."""
    name = f"empty_{uuid4().hex[:12]}"
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} OWNER sightline_owner TEMPLATE template0").format(
                sql.Identifier(name)
            )
        )
    with psycopg.connect(make_conninfo(database.admin_url, dbname=name), autocommit=True) as connection:
        connection.execute("CREATE EXTENSION vector")
    set_settings(owner_database_url=make_conninfo(database.owner_url, dbname=name))
    yield
    with psycopg.connect(database.admin_url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def test_files_are_numbered_without_gaps() -> None:
    assert [migration.version for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_each_file_is_applied_once_in_order(empty_database: None) -> None:
    assert migrate() == [migration.name for migration in migrations()]
    assert migrate() == []


def test_of_two_at_once_one_applies_and_the_other_waits(empty_database: None) -> None:
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: migrate(), range(2))
    assert sorted([first, second]) == [[], [migration.name for migration in migrations()]]


def test_a_file_changed_after_it_was_applied_is_refused(empty_database: None) -> None:
    changed = Migration(NOTE.version, NOTE.name, NOTE.sql + " -- changed")
    with owner_connection() as connection:
        assert apply(connection, [NOTE]) == [NOTE.name]
        with pytest.raises(MigrationError, match=r"9001_note\.sql was changed"):
            apply(connection, [changed])


def test_older_code_does_not_touch_a_newer_database(empty_database: None) -> None:
    with owner_connection() as connection:
        apply(connection, [NOTE])
        with pytest.raises(MigrationError, match="newer than this code"):
            apply(connection, [])


def test_a_failing_file_leaves_nothing_of_itself(empty_database: None) -> None:
    with owner_connection() as connection:
        with pytest.raises(psycopg.errors.UndefinedTable):
            apply(connection, [NOTE, BROKEN])
        assert connection.execute("SELECT id FROM note").fetchall() == [{"id": 1}]
        assert connection.execute("SELECT version FROM app.migration").fetchall() == [{"version": 9001}]


def test_ids_sort_by_time_and_are_version_7(database: Database) -> None:
    with owner_connection() as connection:
        rows = []
        for _ in range(10):
            connection.execute("SELECT pg_sleep(0.002)")  # the clock of an id counts milliseconds
            rows += connection.execute("SELECT app.uuid7() AS id, clock_timestamp() AS at").fetchall()
    ids = [row["id"] for row in rows]
    assert ids == sorted(ids)
    assert {(one.version, one.variant) for one in ids} == {(7, "specified in RFC 4122")}
    made_ms = ids[-1].int >> 80
    assert abs(made_ms - rows[-1]["at"].timestamp() * 1000) < 50
