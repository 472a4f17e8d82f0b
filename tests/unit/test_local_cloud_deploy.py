"""What is deployed: packages, recorded types, added variables, and when a template must be made again."""

from pathlib import Path

import pytest

from local_cloud.deploy import zip_folder
from local_cloud.emulator_config import EmulatorConfig
from local_cloud.environment import ADDED_VARIABLES, LocalAddresses, added_environment
from local_cloud.provisioners import RECORD_ONLY
from local_cloud.seams import missing_names
from local_cloud.sources import Sources
from local_cloud.synth import fingerprint

pytestmark = pytest.mark.unit

ADDRESSES = LocalAddresses(
    emulator="http://localhost:1",
    endpoint="http://127.0.0.1:2",
    database="postgresql://app",
    owner_database="postgresql://owner",
    ca_bundle="/authority.pem",
    bytecode_dir="/bytecode",
    passed_on={"SIGHTLINE_IMAGE_MODEL": "ViT-B-32/laion2b_s34b_b79k"},
)
KEYS = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_SESSION_TOKEN": "c"}


def added(**own: str) -> dict[str, str]:
    return added_environment(own=own, region="us-east-1", credentials=KEYS, addresses=ADDRESSES)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "functions" / "one"
    folder.mkdir(parents=True)
    (folder / "handler.py").write_text("x = 1\n")
    return folder


def test_only_listed_variables_are_added() -> None:
    everything = added(
        SIGHTLINE_DATABASE_SECRET_ARN="a", SIGHTLINE_OWNER_DATABASE_SECRET_ARN="b", SIGHTLINE_USER_POOL_ID="c"
    )

    assert everything.keys() <= ADDED_VARIABLES.keys()


def test_a_function_gets_only_the_database_addresses_whose_secrets_it_has() -> None:
    assert "SIGHTLINE_DATABASE_URL" not in added()
    application = added(SIGHTLINE_DATABASE_SECRET_ARN="arn")
    owner = added(SIGHTLINE_OWNER_DATABASE_SECRET_ARN="arn")

    assert application["SIGHTLINE_DATABASE_URL"] == "postgresql://app"
    assert "SIGHTLINE_OWNER_DATABASE_URL" not in application
    assert owner["SIGHTLINE_OWNER_DATABASE_URL"] == "postgresql://owner"
    assert "SIGHTLINE_DATABASE_URL" not in owner


def test_the_same_files_make_the_same_package(folder: Path) -> None:
    before = zip_folder(folder)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "handler.pyc").write_bytes(b"bytecode")
    (folder / "handler.py").touch()

    assert zip_folder(folder) == before


def test_folders_with_the_same_files_make_different_packages(folder: Path) -> None:
    twin = folder.with_name("two")
    twin.mkdir()
    (twin / "handler.py").write_bytes((folder / "handler.py").read_bytes())

    assert zip_folder(twin) != zip_folder(folder)


def test_a_package_of_unknown_source_is_unpacked_and_run_from_there(folder: Path, tmp_path: Path) -> None:
    sources = Sources(tmp_path / "sources.json", unpack_dir=tmp_path / "unpacked")
    unpacked = sources.folder("c2hhMjU2", code=zip_folder(folder))

    assert (unpacked / "handler.py").read_text() == "x = 1\n"


@pytest.mark.parametrize("kind", sorted(RECORD_ONLY))
def test_recorded_types_give_a_name_to_refer_to(kind: str) -> None:
    reference, attributes = RECORD_ONLY[kind]("Stack-Thing-1", {})

    assert reference
    assert all(attributes.values())


def test_the_fingerprint_follows_what_the_template_is_made_of(folder: Path, tmp_path: Path) -> None:
    first = fingerprint(tmp_path)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "handler.pyc").write_bytes(b"bytecode")
    (tmp_path / "docs.md").write_text("words")
    assert fingerprint(tmp_path) == first

    (folder / "handler.py").write_text("x = 2\n")
    assert fingerprint(tmp_path) != first


def test_missing_names_are_named() -> None:
    assert missing_names({"json": ("loads", "no_such_name")}) == ["json.no_such_name"]


def test_the_emulators_settings_come_back_as_written_and_are_ours_to_read(tmp_path: Path) -> None:
    config = EmulatorConfig(
        port=1,
        api_port=2,
        state_dir="state",
        objects_dir="objects",
        logs_dir="logs",
        scratch_dir="tmp",
        sources_path="sources.json",
        shared_code_dirs=("a", "b"),
        max_workers=2,
        api_timeout_s=30.0,
        iam=True,
        certificate="server.pem",
        certificate_key="server.key",
        addresses=ADDRESSES,
    )
    path = tmp_path / "emulator.json"

    config.write(path)

    assert EmulatorConfig.read(path) == config
    assert path.stat().st_mode & 0o777 == 0o600
    environment = config.environment()
    assert (environment["AUTH"], environment["USE_SSL"]) == ("true", "1")
    assert (environment["BIND_HOST"], environment["IOT_MTLS_ENABLED"]) == ("127.0.0.1", "0")
