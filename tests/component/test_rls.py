"""Every tenant table, found in the catalog, is closed to other workspaces: for reading and for writing.

The rows are made up by type, with constraints dropped for the length of a transaction that is rolled back, so
that a table of a later migration is covered on the day it is added.
"""

from collections.abc import Iterator
from typing import Any, LiteralString
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import dict_row

from sightline.database import transaction
from tests.conftest import Database, Workspace

pytestmark = pytest.mark.component

# What makes a tenant: the workspace's own row carries its id.
TENANT_COLUMN = {"workspace": "id"}

# Tables without a tenant, and why each may be read across workspaces, or cannot be.
NO_TENANT = {
    "alert_unclaimed": "events that are nobody's yet; the application role cannot read them",
    "caption_bank": "vectors of the captions in the repository; written by one narrow function",
    "rate_limit": "counters by caller; the application role cannot read them",
    "user_account": "policies of its own, tested below",
    "vector_space": "which models there are; no customer data",
}

Connection = psycopg.Connection[dict[str, Any]]


@pytest.fixture
def admin(database: Database) -> Iterator[Connection]:
    """The superuser in a transaction that is rolled back."""
    with transaction() as connection:
        connection.execute("SELECT app.ensure_space('rls-test', 4, 'frame')")
    conninfo = make_conninfo(database.admin_url, dbname="sightline")
    connection: Connection = psycopg.Connection.connect(conninfo, row_factory=dict_row)
    try:
        yield connection
    finally:
        connection.rollback()
        connection.close()


def tables(connection: Connection) -> list[str]:
    rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
    return sorted(row["tablename"] for row in rows)


def tenant_tables(connection: Connection) -> dict[str, str]:
    """Each tenant table and the column that names its workspace."""
    rows = connection.execute(
        """SELECT table_name FROM information_schema.columns
           WHERE table_schema = 'public' AND column_name = 'workspace_id'"""
    ).fetchall()
    return {row["table_name"]: "workspace_id" for row in rows} | TENANT_COLUMN


def test_every_table_is_a_tenants_or_says_why_not(admin: Connection) -> None:
    assert set(tables(admin)) == set(tenant_tables(admin)) | set(NO_TENANT)


def test_row_level_security_is_on_everywhere_and_the_application_owns_nothing(admin: Connection) -> None:
    open_tables = admin.execute(
        """SELECT relname FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
           WHERE nspname = 'public' AND relkind IN ('r', 'p') AND NOT relrowsecurity"""
    ).fetchall()
    assert {row["relname"] for row in open_tables} <= {"caption_bank", "rate_limit", "vector_space"}
    owned = admin.execute(
        "SELECT count(*) AS n FROM pg_class WHERE relowner = 'sightline_app'::regrole"
    ).fetchone()
    role = admin.execute("SELECT * FROM pg_roles WHERE rolname = 'sightline_app'").fetchone()
    assert owned == {"n": 0}
    assert role is not None
    for power in ("rolsuper", "rolbypassrls", "rolcreaterole", "rolcreatedb"):
        assert not role[power], power


def test_a_statement_asks_once_which_workspace_it_is_in(admin: Connection) -> None:
    """As a bare function it was asked for every row, which took half the time of looking through 10,000."""
    rows = admin.execute(
        "SELECT polrelid::regclass::text AS name, pg_get_expr(polqual, polrelid) AS seen,"
        " pg_get_expr(polwithcheck, polrelid) AS written FROM pg_policy WHERE polname = 'workspace_only'"
    ).fetchall()
    plain = {row["name"] for row in rows if "workspace_id = app.workspace()" in row["seen"] + row["written"]}
    assert len(rows) > 20
    assert plain == set()


def test_another_workspace_reads_and_writes_nothing_in_any_tenant_table(admin: Connection) -> None:
    mine, theirs = uuid4(), uuid4()
    for table, column in tenant_tables(admin).items():
        with admin.transaction(force_rollback=True):
            _loosen(admin, table)
            _insert(admin, table, column, mine)
            admin.execute("SET LOCAL ROLE sightline_app")

            _enter(admin, mine)
            assert _count(admin, table, column) == 1, f"{table}: the test's own row cannot be seen"
            for stranger in (theirs, None):
                _enter(admin, stranger)
                assert _count(admin, table, column) == 0, f"{table} is read by {stranger}"
                assert _changed(admin, table, column, "DELETE FROM {table}") == 0
                assert _changed(admin, table, column, "UPDATE {table} SET {column} = {column}") == 0
                assert not _may_insert(admin, table, column, mine), f"{table} takes rows of others"
            _enter(admin, mine)
            assert not _may_move(admin, table, column, theirs), f"{table} lets rows be given away"


def _enter(connection: Connection, workspace: UUID | None) -> None:
    connection.execute("SELECT app.enter(%s)", (workspace,))


def _count(connection: Connection, table: str, column: str) -> int:
    """Rows of any workspace; answers kept outside all of them have none (idempotency)."""
    query = sql.SQL("SELECT count(*) AS n FROM {} WHERE {} IS NOT NULL").format(
        sql.Identifier(table), sql.Identifier(column)
    )
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row["n"])


def _changed(connection: Connection, table: str, column: str, statement: LiteralString) -> int:
    """Rows that a write touched; 0 where the role may not write at all."""
    query = sql.SQL(statement + " WHERE {column} IS NOT NULL").format(
        table=sql.Identifier(table), column=sql.Identifier(column)
    )
    try:
        with connection.transaction():
            return connection.execute(query).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0


def _may_insert(connection: Connection, table: str, column: str, workspace: UUID) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            _insert(connection, table, column, workspace)
    except psycopg.errors.InsufficientPrivilege:
        return False
    except psycopg.errors.UniqueViolation:
        return True
    return True


def _may_move(connection: Connection, table: str, column: str, workspace: UUID) -> bool:
    query = sql.SQL("UPDATE {} SET {} = %s").format(sql.Identifier(table), sql.Identifier(column))
    try:
        with connection.transaction(force_rollback=True):
            return connection.execute(query, (workspace,)).rowcount > 0
    except psycopg.errors.InsufficientPrivilege:
        return False


def _loosen(connection: Connection, table: str) -> None:
    """Drops checks and silences foreign keys, so that a row needs nothing around it."""
    connection.execute("SET LOCAL session_replication_role = replica")
    checks = connection.execute(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND contype = 'c'", (table,)
    ).fetchall()
    for check in checks:
        connection.execute(
            sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(
                sql.Identifier(table), sql.Identifier(check["conname"])
            )
        )


def _insert(connection: Connection, table: str, column: str, workspace: UUID) -> None:
    columns = connection.execute(
        """SELECT attname, format_type(atttypid, atttypmod) AS type FROM pg_attribute
           WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attnotnull
             AND NOT atthasdef AND attidentity = '' AND attgenerated = ''""",
        (table,),
    ).fetchall()
    values = {row["attname"]: sql.SQL("{}").format(_any_value(row["type"])) for row in columns}
    values[column] = sql.SQL("{}").format(sql.Literal(workspace))
    connection.execute(
        sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, values)),
            sql.SQL(", ").join(values.values()),
        )
    )


def _any_value(type_name: str) -> sql.Composable:
    """Some value of a type."""
    kind = type_name.partition("(")[0]
    if kind == "halfvec":
        return sql.Literal(str([0.5] * int(type_name.partition("(")[2].rstrip(")") or 1)))
    if kind.endswith("[]"):
        return sql.Literal("{}")
    values: dict[str, sql.Composable] = {
        "uuid": sql.SQL("gen_random_uuid()"),
        "timestamp with time zone": sql.SQL("now()"),
        "jsonb": sql.Literal("{}"),
        "bytea": sql.SQL("sha256(gen_random_uuid()::text::bytea)"),
        "text": sql.Literal("x"),
        "tsvector": sql.Literal("x"),
        "boolean": sql.Literal(False),
    }
    return values.get(kind, sql.Literal(1))


def test_an_account_is_seen_by_its_user_and_by_colleagues_only(
    workspace: Workspace, other_workspace: Workspace
) -> None:
    def seen(workspace_id: UUID | None, user_id: UUID | None) -> set[UUID]:
        with transaction(workspace_id, user_id=user_id) as connection:
            return {row["id"] for row in connection.execute("SELECT id FROM user_account").fetchall()}

    assert seen(None, None) == set()
    assert seen(None, workspace.user_id) == {workspace.user_id}
    assert seen(workspace.id, None) == {workspace.user_id}
    assert seen(other_workspace.id, workspace.user_id) == {workspace.user_id, other_workspace.user_id}

    with transaction(workspace.id) as connection:  # a colleague's account is read, not written
        assert connection.execute("UPDATE user_account SET name = 'changed'").rowcount == 0
        assert connection.execute("DELETE FROM user_account").rowcount == 0


def test_a_transaction_leaves_no_workspace_behind(workspace: Workspace) -> None:
    with transaction(workspace.id, user_id=workspace.user_id) as connection:
        backend = connection.info.backend_pid
        assert connection.execute("SELECT id FROM workspace").fetchall() == [{"id": workspace.id}]
    with transaction() as connection:
        assert connection.info.backend_pid == backend, "the connection is kept"
        assert connection.execute("SELECT id FROM workspace").fetchall() == []
        assert connection.execute("SELECT app.workspace() AS w, app.user_id() AS u").fetchone() == {
            "w": None,
            "u": None,
        }


def test_functions_that_cross_workspaces_pin_their_search_path(admin: Connection) -> None:
    rows = admin.execute(
        """SELECT proname, proconfig FROM pg_proc JOIN pg_namespace ON pg_namespace.oid = pronamespace
           WHERE nspname IN ('app', 'public') AND prosecdef"""
    ).fetchall()
    assert rows
    for row in rows:
        assert any(item.startswith("search_path=") for item in row["proconfig"] or []), row["proname"]


def test_only_roles_of_ours_may_run_our_functions(admin: Connection) -> None:
    rows = admin.execute(
        """SELECT proname, has_function_privilege('public', pg_proc.oid, 'execute') AS by_anyone,
                  has_function_privilege('sightline_app', pg_proc.oid, 'execute') AS by_app
           FROM pg_proc WHERE pronamespace = 'app'::regnamespace"""
    ).fetchall()
    assert [row["proname"] for row in rows if row["by_anyone"]] == []
    assert {row["proname"] for row in rows if not row["by_app"]} == {
        "protect",
        "make_space_table",
        "tenant_tables",
    }


def test_the_application_cannot_change_the_schema_or_run_the_owners_functions(workspace: Workspace) -> None:
    for statement in (
        "CREATE TABLE mine (id int)",
        "ALTER TABLE asset DISABLE ROW LEVEL SECURITY",
        "DROP POLICY workspace_only ON asset",
        "SELECT app.protect('asset')",
        "DELETE FROM app.migration",
        "SELECT * FROM rate_limit",
        "SET ROLE sightline_owner",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), transaction(workspace.id) as connection:
            connection.execute(statement)
