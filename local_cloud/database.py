"""The database the stack uses: its versions checked, its two roles and the extension made."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from local_cloud.errors import LocalCloudError

DATABASE = "sightline"
OWNER_ROLE, APP_ROLE = "sightline_owner", "sightline_app"
MINIMUM_POSTGRES = 15
MINIMUM_PGVECTOR = (0, 8)


@dataclass(frozen=True)
class DatabaseUrls:
    """Addresses for the owner (migrations, index builds) and for the application role."""

    owner: str
    app: str


def prepare_database(admin_url: str, *, secrets_path: Path) -> DatabaseUrls:
    """Check the server, then make roles, database and extension where they are missing.

    Raises: LocalCloudError, saying which version or right is missing.
    """
    passwords = _role_passwords(secrets_path)
    try:
        with psycopg.connect(admin_url, autocommit=True, connect_timeout=5) as connection:
            check_versions(connection)
            for role, password in passwords.items():
                _ensure_role(connection, role=role, password=password)
            _ensure_database(connection)
        with psycopg.connect(_address(admin_url, dbname=DATABASE), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    except psycopg.errors.InsufficientPrivilege as error:
        raise LocalCloudError(
            f"The user of DATABASE_URL may not set up the database ({str(error).strip()}). "
            "Give it CREATEROLE, CREATEDB and the right to create the extension vector."
        ) from error
    except psycopg.OperationalError as error:
        raise LocalCloudError(f"The database does not answer: {str(error).strip()}") from error
    return DatabaseUrls(
        owner=_address(admin_url, user=OWNER_ROLE, password=passwords[OWNER_ROLE], dbname=DATABASE),
        app=_address(admin_url, user=APP_ROLE, password=passwords[APP_ROLE], dbname=DATABASE),
    )


def check_versions(connection: psycopg.Connection) -> None:
    """Raises: LocalCloudError unless the server is Postgres >= 15 with pgvector >= 0.8 to install."""
    major = connection.info.server_version // 10000
    if major < MINIMUM_POSTGRES:
        raise LocalCloudError(
            f"This server is Postgres {major}; Sightline needs {MINIMUM_POSTGRES} or later. "
            "Point DATABASE_URL at a newer one, or unset it to use the embedded Postgres 16."
        )
    row = connection.execute(
        "SELECT coalesce(installed_version, default_version) FROM pg_available_extensions"
        " WHERE name = 'vector'"
    ).fetchone()
    if row is None:
        raise LocalCloudError(
            "This Postgres server has no pgvector. Install pgvector 0.8 or later on it, "
            "or unset DATABASE_URL to use the embedded server, which carries it."
        )
    if tuple(int(part) for part in row[0].split(".")[:2]) < MINIMUM_PGVECTOR:
        raise LocalCloudError(
            f"This server has pgvector {row[0]}; Sightline needs 0.8 or later (iterative index scans). "
            "Update it and run ALTER EXTENSION vector UPDATE, or unset DATABASE_URL."
        )


def _role_passwords(path: Path) -> dict[str, str]:
    if path.exists():
        return {str(role): str(password) for role, password in json.loads(path.read_text()).items()}
    passwords = {role: secrets.token_urlsafe(24) for role in (OWNER_ROLE, APP_ROLE)}
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(passwords, file)
    return passwords


def _ensure_role(connection: psycopg.Connection, *, role: str, password: str) -> None:
    known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
    verb = sql.SQL("ALTER ROLE" if known else "CREATE ROLE")
    connection.execute(
        sql.SQL("{} {} LOGIN PASSWORD {}").format(verb, sql.Identifier(role), sql.Literal(password))
    )


def _ensure_database(connection: psycopg.Connection) -> None:
    if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
        return
    if connection.info.parameter_status("is_superuser") != "on":  # it may own a database for itself only
        connection.execute(sql.SQL("GRANT {} TO CURRENT_USER").format(sql.Identifier(OWNER_ROLE)))
    connection.execute(
        sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0 ENCODING 'UTF8'").format(
            sql.Identifier(DATABASE), sql.Identifier(OWNER_ROLE)
        )
    )


def _address(url: str, *, dbname: str, user: str | None = None, password: str | None = None) -> str:
    """The same server as `url`, as a URL for another database and, where given, another role."""
    parts = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    user, password = user or parts.get("user", ""), password or parts.get("password", "")
    host, port = parts.get("host", "127.0.0.1"), parts.get("port", "5432")
    rest = {key: parts[key] for key in parts.keys() - {"user", "password", "host", "port", "dbname"}}
    query = f"?{urlencode(rest, quote_via=quote)}" if rest else ""
    login = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return f"postgresql://{login}@{quote(host, safe='')}:{port}/{dbname}{query}"
