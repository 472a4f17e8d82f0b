"""Postgres: one transaction is one unit of work in one workspace, and row-level security holds it there."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types import TypeInfo

from sightline.errors import DatabaseUnavailableError
from sightline.settings import get_settings

Row = dict[str, Any]
Connection = psycopg.Connection[Row]

# An Aurora that was paused needs up to 15 s to resume: better a slow first answer than none.
CONNECT_TIMEOUT_S = 20

# Two statements in one message: without parameters the protocol takes them so.
_ENTER = sql.SQL("BEGIN; SELECT app.enter({}, {})")
_ENTER_AT_EASE = sql.SQL("BEGIN; SELECT app.enter({}, {}), app.commit_at_ease()")

_idle: list[Connection] = []
_idle_lock = Lock()


@contextmanager
def transaction(
    workspace_id: UUID | str | None = None, *, user_id: UUID | str | None = None, durable: bool = True
) -> Iterator[Connection]:
    """One transaction that sees one workspace (and one user's own account); commits at the end.

    durable: False does not wait for the disk; a crash of the database may undo its last second.
    Raises: DatabaseUnavailableError when no connection can be had.
    """
    connection = _entered(_ENTER if durable else _ENTER_AT_EASE, workspace_id, user_id)
    try:
        yield connection
        connection.commit()
    except (psycopg.OperationalError, psycopg.InterfaceError) as error:
        # Lost, restarted, deadlocked or out of time: the same work may succeed on a new connection.
        _roll_back(connection)
        raise DatabaseUnavailableError from error
    except BaseException:
        _roll_back(connection)
        raise
    finally:
        _put_back(connection)


@contextmanager
def owner_connection() -> Iterator[Connection]:
    """A fresh autocommit connection of the owning role, for migrations and index builds."""
    connection = _connect(owner_conninfo())
    try:
        yield connection
    finally:
        connection.close()


def ping() -> None:
    """One round trip. Raises: DatabaseUnavailableError."""
    with transaction():
        pass


def close_idle() -> None:
    """Closes the kept connections: before a fork, or when the database moves."""
    with _idle_lock:
        while _idle:
            _idle.pop().close()


def _entered(enter: sql.SQL, workspace_id: UUID | str | None, user_id: UUID | str | None) -> Connection:
    """A connection inside a transaction of the workspace; a kept one may have died while frozen."""
    while True:
        kept = _take_idle()
        connection = kept or _connect(app_conninfo())
        try:
            connection.execute(enter.format(workspace_id, user_id))
        except psycopg.OperationalError as error:
            connection.close()
            if kept is None:
                raise DatabaseUnavailableError from error
        except BaseException:
            connection.close()
            raise
        else:
            return connection


def _take_idle() -> Connection | None:
    with _idle_lock:
        return _idle.pop() if _idle else None


def _put_back(connection: Connection) -> None:
    """Keeps a clean connection: a Lambda process serves one request at a time, so that is one."""
    if connection.closed:
        return
    if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
        connection.close()
        return
    with _idle_lock:
        _idle.append(connection)


def _roll_back(connection: Connection) -> None:
    try:
        connection.rollback()
    except psycopg.Error:
        # The connection is lost and the server rolls back by itself; the caller's error is the news.
        connection.close()


def _connect(conninfo: str) -> Connection:
    """Transactions are begun by what enters them."""
    try:
        connection: Connection = psycopg.Connection.connect(
            conninfo,
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            # Named prepared statements pin an RDS Proxy session to its client.
            prepare_threshold=None,
            row_factory=dict_row,
        )
    except psycopg.OperationalError as error:
        _secret.cache_clear()  # the password may have been rotated
        raise DatabaseUnavailableError from error
    _register_halfvec(connection)
    return connection


def _register_halfvec(connection: Connection) -> None:
    """Vectors travel in binary; before the first migration there is no such type."""
    from pgvector.psycopg.halfvec import register_halfvec_info

    info = TypeInfo.fetch(connection, "halfvec")
    if info is not None:
        register_halfvec_info(connection, info)


def app_conninfo() -> str:
    """Where the application role connects."""
    settings = get_settings()
    if settings.database_url:
        return settings.database_url.get_secret_value()
    return _conninfo_of(settings.database_secret_arn)


def owner_conninfo() -> str:
    """Where the owning role connects."""
    settings = get_settings()
    if settings.owner_database_url:
        return settings.owner_database_url.get_secret_value()
    return _conninfo_of(settings.owner_database_secret_arn)


def _conninfo_of(secret_arn: str) -> str:
    settings = get_settings()
    secret = read_secret(secret_arn)
    return psycopg.conninfo.make_conninfo(
        host=settings.database_host or secret.get("host"),
        port=settings.database_port,
        dbname=settings.database_name,
        user=secret["username"],
        password=secret["password"],
        sslmode="require",
    )


def read_secret(secret_arn: str) -> dict[str, Any]:
    """A JSON secret, kept for ten minutes."""
    return _secret(secret_arn, int(time.monotonic() // 600))


@cache
def _secret(secret_arn: str, _period: int) -> dict[str, Any]:
    import boto3  # 100 ms that a process with a URL need not spend

    answer = boto3.client("secretsmanager").get_secret_value(SecretId=secret_arn)
    secret: dict[str, Any] = json.loads(answer["SecretString"])
    return secret
