"""Migrations as part of a deploy: a CloudFormation custom resource that answers itself, or a plain call."""

import json
import os
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from psycopg import sql

from sightline.database import Connection, owner_connection, read_secret
from sightline.migrations import migrate
from sightline.settings import get_settings
from sightline.telemetry import logger, report

APP_ROLE = "sightline_app"
# Constant: a new id would make CloudFormation delete the old one.
_PHYSICAL_ID = "sightline-migrations"
_ANSWER_TIMEOUT_S = 10


def on_deploy(event: Mapping[str, Any]) -> dict[str, Any]:
    """Prepares the role and applies what is missing; a custom resource's event is always answered."""
    if "RequestType" not in event:
        return {"applied": prepare_database()}
    answer_url = checked_answer_url(str(event["ResponseURL"]))
    try:
        # A stack that goes takes its cluster along: there is nothing to undo.
        applied = [] if event["RequestType"] == "Delete" else prepare_database()
    except Exception as error:  # noqa: BLE001 - CloudFormation waits for an answer whatever happened
        logger.exception("migration failed")
        report(error)
        _answer(answer_url, event, status="FAILED", reason=f"{type(error).__name__}: see the function's log")
        return {"applied": []}
    _answer(answer_url, event, status="SUCCESS", reason="", data={"Applied": ", ".join(applied)})
    return {"applied": applied}


def prepare_database() -> list[str]:
    """The application's role with its password, then every missing migration."""
    settings = get_settings()
    if settings.database_secret_arn and not settings.database_url:
        with owner_connection() as connection:
            ensure_role(connection, password=str(read_secret(settings.database_secret_arn)["password"]))
    applied = migrate()
    logger.info("migrations applied", count=len(applied), names=applied)
    return applied


def ensure_role(connection: Connection, *, password: str) -> None:
    """Makes the role or sets its password, sent as a SCRAM verifier so that no statement log holds it."""
    known = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", (APP_ROLE,)).fetchone()
    verifier = connection.pgconn.encrypt_password(password.encode(), APP_ROLE.encode(), b"scram-sha-256")
    connection.execute(
        sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(
            sql.SQL("CREATE" if known is None else "ALTER"),
            sql.Identifier(APP_ROLE),
            sql.Literal(verifier.decode()),
        )
    )


def checked_answer_url(url: str) -> str:
    """CloudFormation's own address, over https; or the emulator's. Raises: ValueError for any other."""
    parts, emulator = urlsplit(url), urlsplit(os.environ.get("AWS_ENDPOINT_URL", ""))
    if emulator.netloc and parts.netloc == emulator.netloc and parts.scheme == emulator.scheme:
        return url
    host = parts.hostname or ""
    if parts.scheme != "https" or not host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        raise ValueError("ResponseURL is not an address of AWS.")
    return url


def _answer(
    url: str, event: Mapping[str, Any], *, status: str, reason: str, data: Mapping[str, str] | None = None
) -> None:
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": _PHYSICAL_ID,
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
        "Data": data or {},
    }
    # The signed address allows no content type, and urllib would add one.
    request = Request(  # noqa: S310 - the scheme was checked
        url, data=json.dumps(body).encode(), method="PUT", headers={"Content-Type": ""}
    )
    with urlopen(request, timeout=_ANSWER_TIMEOUT_S):  # noqa: S310
        logger.info("answered CloudFormation", status=status)
