"""Forward-only SQL, applied once each, in order, by whoever gets the lock first."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files

from sightline.database import Connection, owner_connection

# Any constant will do, as long as every migrating process takes the same lock.
LOCK = 5_149_702_001

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


class MigrationError(Exception):
    """What is in the database and what is in this folder do not fit together."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations() -> list[Migration]:
    """The files of this folder, in order."""
    found = sorted(_files(), key=lambda migration: migration.version)
    versions = [migration.version for migration in found]
    if versions != sorted(set(versions)):
        raise MigrationError("Two migrations have the same number.")
    return found


def _files() -> Iterator[Migration]:
    for file in files(__name__).iterdir():
        match = _NAME.fullmatch(file.name)
        if match:
            yield Migration(int(match[1]), file.name, file.read_text())


def migrate() -> list[str]:
    """Applies what is missing; answers the names applied. Safe to run twice, and twice at once."""
    with owner_connection() as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (LOCK,))
        try:
            return apply(connection, migrations())
        finally:
            connection.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))


def apply(connection: Connection, wanted: list[Migration]) -> list[str]:
    """Applies the migrations that the database has not seen, one transaction each.

    Raises: MigrationError when an applied file was changed or is gone.
    """
    connection.execute(_LEDGER)
    done = {row["version"]: row for row in connection.execute("SELECT * FROM app.migration").fetchall()}
    unknown = done.keys() - {migration.version for migration in wanted}
    if unknown:
        raise MigrationError(f"The database is newer than this code: it has {sorted(unknown)}.")
    for migration in wanted:
        if migration.version in done and done[migration.version]["checksum"] != migration.checksum:
            raise MigrationError(f"{migration.name} was changed after it was applied; add a new one.")
    missing = [migration for migration in wanted if migration.version not in done]
    for migration in missing:
        _apply_one(connection, migration)
    return [migration.name for migration in missing]


def _apply_one(connection: Connection, migration: Migration) -> None:
    with connection.transaction():
        # The text is a file of ours; without parameters psycopg sends many statements at once.
        connection.execute(migration.sql)
        connection.execute(
            "INSERT INTO app.migration (version, name, checksum) VALUES (%s, %s, %s)",
            (migration.version, migration.name, migration.checksum),
        )


_LEDGER = """
CREATE SCHEMA IF NOT EXISTS app;
CREATE TABLE IF NOT EXISTS app.migration (
    version integer PRIMARY KEY,
    name text NOT NULL,
    checksum text NOT NULL,
    applied_at timestamptz NOT NULL DEFAULT now()
);
"""
