"""What several tiers share: one real Postgres a session, settings from the environment, and no way to AWS."""

import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from sightline.settings import get_settings
from tests.endpoint_process import inference_endpoint, models_home  # noqa: F401 - fixtures for every tier

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


@dataclass(frozen=True)
class Database:
    """Addresses of the three roles of a migrated database."""

    admin_url: str
    owner_url: str
    app_url: str


@dataclass(frozen=True)
class Workspace:
    """A workspace of its own, and the admin who made it."""

    id: UUID
    user_id: UUID
    email: str


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Who runs what, where pytest was told of several processes (-n 2 --dist loadfile)."""
    if config.getoption("dist") != "loadfile":
        return None
    from tests.two_processes import Shares

    return Shares(config, log)


@pytest.fixture(scope="session", autouse=True)
def no_aws() -> Iterator[None]:
    """Credentials that work nowhere: a test that reaches for AWS fails instead of finding an account."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "SIGHTLINE_"))]:
            patch.delenv(name)
        patch.setenv("AWS_ACCESS_KEY_ID", "testing")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        patch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
        patch.setenv("AWS_REGION", "eu-central-1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("POWERTOOLS_SERVICE_NAME", "tests")
        patch.setenv("POWERTOOLS_METRICS_DISABLED", "true")
        get_settings.cache_clear()
        yield
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def database(no_aws: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated database: an embedded server, or the one DATABASE_URL names."""
    from local_cloud.postgres import EmbeddedPostgres

    folder = tmp_path_factory.mktemp("postgres")
    if url := os.environ.get("DATABASE_URL"):
        yield from _prepared(url, folder)
        return
    with EmbeddedPostgres(folder / "pg", durable=False) as server:
        yield from _prepared(server.url, folder)


def _prepared(admin_url: str, folder: Path) -> Iterator[Database]:
    from local_cloud.database import prepare_database
    from sightline.database import close_idle
    from sightline.migrations import migrate

    urls = prepare_database(admin_url, secrets_path=folder / "roles.json")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SIGHTLINE_DATABASE_URL", urls.app)
        patch.setenv("SIGHTLINE_OWNER_DATABASE_URL", urls.owner)
        get_settings.cache_clear()
        migrate()
        yield Database(admin_url=admin_url, owner_url=urls.owner, app_url=urls.app)
        close_idle()
    get_settings.cache_clear()


@pytest.fixture(scope="session")
def emulator(no_aws: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a MiniStack of our own, with nothing in it; it keeps nothing."""
    from local_cloud import ports
    from local_cloud.leash import Leashed

    folder, port = tmp_path_factory.mktemp("emulator"), ports.free_port()
    environment = {
        **os.environ,
        "GATEWAY_PORT": str(port),
        "BIND_HOST": "127.0.0.1",
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "STATE_DIR": str(folder),
        "S3_DATA_DIR": str(folder / "s3"),
        "MINISTACK_REGION": "eu-central-1",
        "AUTH": "true",  # without it any confirmation code and any token is good
    }
    with (folder / "log").open("wb") as log:
        process = Leashed([sys.executable, "-m", "ministack"], env=environment, cwd=folder, output=log)
        try:
            deadline = time.monotonic() + 60
            while not ports.answers(port):
                assert process.exit_code() is None, (folder / "log").read_text()
                assert time.monotonic() < deadline, "MiniStack does not answer"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.stop()


@pytest.fixture
def workspace(database: Database) -> Workspace:
    """A new user with a workspace that nothing else uses."""
    return new_workspace()


@pytest.fixture
def other_workspace(database: Database) -> Workspace:
    """Somebody else's."""
    return new_workspace()


def new_workspace() -> Workspace:
    """Made the way the first sign-in makes it."""
    from sightline.database import transaction

    user_id, email = uuid4(), f"{uuid4().hex}@example.org"
    with transaction(user_id=user_id) as connection:
        connection.execute("SELECT app.provision_user(%s, %s, %s)", (user_id, email, "Ada"))
        row = connection.execute("SELECT id FROM app.memberships(%s)", (user_id,)).fetchone()
    assert row is not None
    return Workspace(id=row["id"], user_id=user_id, email=email)
