"""Health, readiness, documentation and the meaning of problems."""

import re
import subprocess
import sys
from collections.abc import Callable

import pytest

from functions.system_api.handler import handler
from sightline.database import close_idle, owner_connection
from sightline.errors import problem_table
from sightline.incidents.senders import sender
from sightline.openapi import openapi_document
from sightline.openapi_intake import PATH
from tests.component.conftest import call, invoke, sample
from tests.conftest import Database

pytestmark = pytest.mark.component


def test_health_needs_nothing() -> None:
    answer = invoke(handler, sample("system_api/health"))
    assert (answer.status, answer.json) == (200, {"status": "ok", "stage": "dev"})


def test_ready_asks_the_database(database: Database) -> None:
    answer = invoke(handler, sample("system_api/ready"))
    assert (answer.status, answer.json["status"]) == (200, "ready")


def test_not_ready_without_the_database_or_its_migrations(
    database: Database, set_settings: Callable[..., None]
) -> None:
    with owner_connection() as connection:
        connection.execute("UPDATE app.migration SET version = version - 1000")
        try:
            behind = invoke(handler, sample("system_api/ready"))
        finally:
            connection.execute("UPDATE app.migration SET version = version + 1000")
    assert (behind.status, behind.json["code"]) == (503, "database-unavailable")
    close_idle()
    set_settings(database_url="postgresql://nobody@127.0.0.1:1/none")
    away = invoke(handler, sample("system_api/ready"))
    assert (away.status, away.json["code"], away.json["retryable"]) == (503, "database-unavailable", True)


def test_every_problem_is_explained_at_its_own_address() -> None:
    for slug, error in problem_table().items():
        answer = call(handler, "GET", f"/problems/{slug}")
        assert (answer.status, answer.json["status"], answer.json["code"]) == (200, error.status, slug)
        assert answer.json["advice"]
    assert invoke(handler, sample("system_api/problem")).json["retryable"] is True
    assert call(handler, "GET", "/problems/none").status == 404


def test_the_document_describes_every_domain() -> None:
    document = invoke(handler, sample("system_api/openapi")).json
    assert {"/v1/auth/login", "/v1/assets", "/v1/search", "/health"} <= set(document["paths"])
    search = document["paths"]["/v1/search"]["post"]
    assert search["security"] == [{"bearer": []}]
    assert "X-Workspace-Id" in {parameter["name"] for parameter in search["parameters"]}
    assert "security" not in document["paths"]["/v1/auth/login"]["post"]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            names = [parameter["name"] for parameter in operation.get("parameters", [])]
            # A monitoring tool names its deliveries in its own way.
            ours = path != PATH and method == "post"
            creates = ours and {"201", "202"} & set(operation["responses"])
            assert names.count("Idempotency-Key") == (1 if creates else 0), (method, path)
            assert operation["summary"], (method, path)


def test_the_webhook_is_described_with_samples_that_its_senders_maps_read() -> None:
    operation = openapi_document()["paths"][PATH]["post"]
    assert operation["security"] == []
    assert {"202", "401", "404", "413", "503"} <= set(operation["responses"])
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    for platform, example in examples.items():
        (alert,) = sender(platform).read(example["value"], {})
        assert alert.title


def test_the_document_is_read_in_a_browser() -> None:
    answer = invoke(handler, sample("system_api/docs"))
    assert answer.headers["content-type"].startswith("text/html")
    assert "/openapi.json" in answer.text
    assert re.search(r"swagger-ui-dist@\d+\.\d+\.\d+/", answer.text), "pinned"


def test_every_list_is_read_by_cursor() -> None:
    for path, operations in openapi_document()["paths"].items():
        answer = operations.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        reference = answer.get("application/json", {}).get("schema", {}).get("$ref", "")
        if reference.endswith("Page"):
            names = {parameter["name"] for parameter in operations["get"]["parameters"]}
            assert {"cursor", "limit"} <= names, path


def test_the_document_needs_the_core_layer_only() -> None:
    """system_api carries numpy, as every function does, and neither decoder nor scikit-learn."""
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['av', 'PIL', 'sklearn']))\n"
        "from sightline.openapi import openapi_document; print(len(openapi_document()['paths']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15
