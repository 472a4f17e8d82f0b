"""The migrate function as CloudFormation calls it, and as a person does."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from functions.migrate.handler import handler
from sightline.database import owner_connection
from sightline.deployment import checked_answer_url, ensure_role
from tests.component.conftest import LambdaContext, sample
from tests.conftest import Database

pytestmark = pytest.mark.component


@dataclass
class CloudFormation:
    """Where a custom resource answers."""

    url: str = ""
    answers: list[dict[str, Any]] = field(default_factory=list)
    content_types: list[str | None] = field(default_factory=list)


@pytest.fixture
def cloudformation(monkeypatch: pytest.MonkeyPatch) -> Iterator[CloudFormation]:
    service = CloudFormation()

    class Answers(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.answers.append(json.loads(body))
            service.content_types.append(self.headers["Content-Type"])
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        service.url = f"http://127.0.0.1:{server.server_address[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", service.url)
        yield service
        server.shutdown()
        thread.join()


def call(name: str, service: CloudFormation) -> dict[str, Any]:
    event = {**sample(f"migrate/{name}"), "ResponseURL": f"{service.url}/answer?signature=0"}
    result: dict[str, Any] = handler(event, LambdaContext())
    return result


@pytest.mark.parametrize("name", ["create", "delete"])
def test_a_request_is_answered(database: Database, cloudformation: CloudFormation, name: str) -> None:
    event = sample(f"migrate/{name}")
    assert call(name, cloudformation) == {"applied": []}
    (answer,) = cloudformation.answers
    assert answer["Status"] == "SUCCESS"
    for key in ("StackId", "RequestId", "LogicalResourceId"):
        assert answer[key] == event[key]
    assert answer["PhysicalResourceId"] == sample("migrate/delete")["PhysicalResourceId"]
    assert cloudformation.content_types == [""], "the signed address allows no content type"


def test_a_failure_is_answered_too_without_its_details(
    database: Database, cloudformation: CloudFormation, set_settings: Callable[..., None]
) -> None:
    set_settings(owner_database_url="postgresql://nobody:hunter2@127.0.0.1:1/none")
    call("create", cloudformation)
    (answer,) = cloudformation.answers
    assert answer["Status"] == "FAILED"
    assert "DatabaseUnavailableError" in answer["Reason"]
    assert "hunter2" not in json.dumps(answer)


def test_a_call_by_hand_says_what_was_applied(database: Database) -> None:
    assert handler(sample("migrate/by_hand"), LambdaContext()) == {"applied": []}


def test_only_aws_or_the_emulator_is_answered(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    aws = sample("migrate/create")["ResponseURL"]
    assert checked_answer_url(aws) == aws
    assert checked_answer_url("http://127.0.0.1:4566/answer")
    for url in (
        sample("migrate/foreign_address")["ResponseURL"],
        "http://cloudformation.s3.amazonaws.com/answer",
        "https://amazonaws.com.example.org/answer",
        "https://127.0.0.1:4566/answer",
        "file:///etc/passwd",
    ):
        with pytest.raises(ValueError, match="not an address of AWS"):
            checked_answer_url(url)
    with pytest.raises(ValueError, match="not an address of AWS"):
        handler(sample("migrate/foreign_address"), LambdaContext())


def test_the_applications_role_gets_its_password(database: Database) -> None:
    """In the cloud the role is made here; on a laptop the supervisor made it before."""
    admin = make_conninfo(database.admin_url, dbname="sightline")
    password = psycopg.conninfo.conninfo_to_dict(database.app_url)["password"]
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("ALTER ROLE sightline_owner CREATEROLE")
        connection.execute("GRANT sightline_app TO sightline_owner WITH ADMIN OPTION")
    try:
        with owner_connection() as connection:
            ensure_role(connection, password="a-new-password")
        with psycopg.connect(make_conninfo(database.app_url, password="a-new-password")) as connection:
            assert connection.execute("SELECT current_user").fetchone() == ("sightline_app",)
    finally:
        with owner_connection() as connection:
            ensure_role(connection, password=str(password))
        with psycopg.connect(admin, autocommit=True) as connection:
            connection.execute("REVOKE sightline_app FROM sightline_owner")
            connection.execute("ALTER ROLE sightline_owner NOCREATEROLE")
