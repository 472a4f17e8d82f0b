"""The container image without Docker: what its file says, and that all it copies and installs is there."""

import dataclasses
import json
import re
import shlex
from pathlib import Path

import pytest

from infra_cdk.stages import DEV, PROD, InstanceEndpoint, Stage

pytestmark = pytest.mark.infra

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDER = ROOT / "infra_cdk" / "images"


def instructions() -> list[tuple[str, str]]:
    """Each instruction and its argument, continued lines joined."""
    text = re.sub(r"\\\n\s*", " ", (FOLDER / "endpoint.Dockerfile").read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines]


def of(kind: str) -> list[str]:
    return [argument for name, argument in instructions() if name == kind]


def last_stage() -> list[tuple[str, str]]:
    """What the image that runs is made of."""
    found = instructions()
    start = max(at for at, (name, _) in enumerate(found) if name == "FROM")
    return found[start:]


def test_bases_are_exact_versions_or_stages_of_this_file() -> None:
    stages: set[str] = set()
    for argument in of("FROM"):
        base, *named = re.split(r"\s+AS\s+", argument)
        exact = re.search(r"@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+[a-z0-9.-]*$", base)
        assert exact or base in stages or base == "packages-${KIND}", base
        stages |= set(named)
    assert {"packages-cpu", "packages-gpu"} <= stages


def test_it_brings_the_model_that_the_cpu_stage_asks_for() -> None:
    chosen = {argument for argument in of("ARG") if argument.startswith("IMAGE_MODEL=")}
    assert chosen == {f"IMAGE_MODEL={DEV.image_model}"}


def test_it_serves_the_compiled_modules_by_the_python_they_were_compiled_for() -> None:
    stages = {argument.split()[-1]: argument.split()[0] for argument in of("FROM") if " AS " in argument}
    assert stages["compiled"].removesuffix("bookworm") + "slim-bookworm" == last_stage()[0][1]
    assert '["python", "-m", "gpu_endpoint.compiling", "."]' in of("RUN")
    assert [argument for argument in of("COPY") if argument.split()[0] == "gpu_endpoint"] == [
        "gpu_endpoint gpu_endpoint"
    ], "sources come with what was compiled from them"
    assert "--from=compiled /opt/sightline ." in of("COPY")


def test_everything_is_installed_by_hash_and_nothing_is_fetched_by_hand() -> None:
    installs = [argument for argument in of("RUN") if "install" in argument]
    assert len(installs) == 4
    assert all("--require-hashes" in argument for argument in installs)
    for argument in of("RUN"):
        assert argument.startswith("["), f"a shell would run: {argument}"
        assert not re.search(r"curl|wget|apt|\|", argument)
    assert of("ADD") == []


def test_every_source_is_in_the_repository() -> None:
    for argument in of("COPY"):
        *parts, _ = shlex.split(argument)
        if not parts[0].startswith("--from="):
            assert all((ROOT / part).exists() for part in parts), argument


def test_of_a_working_folder_the_build_sees_what_it_copies_and_no_more() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    everything, *kept = [line for line in lines if line and not line.startswith("#")]
    seen = {line[1:] for line in kept if line.startswith("!")}
    sources = {
        part
        for argument in of("COPY")
        if not argument.startswith("--")
        for part in shlex.split(argument)[:-1]
    }
    assert everything == "*"
    assert {source for source in sources if not any(source.startswith(name) for name in seen)} == set()
    assert {name for name in seen if not any(source.startswith(name) for source in sources)} == set()


def test_it_runs_as_nobody_in_particular_without_a_shell() -> None:
    stage = last_stage()
    assert [argument for name, argument in stage if name == "USER"] == ["10001:10001"]
    assert not [name for name, _ in stage if name == "RUN"]
    entry, command = (json.loads(argument) for name, argument in stage if name in ("ENTRYPOINT", "CMD"))
    assert entry[1:] == ["-m", "gpu_endpoint"]
    assert command == ["serve"], "what SageMaker starts a container with"


def test_it_writes_to_tmp_alone_and_listens_to_all() -> None:
    (environment,) = [argument for name, argument in last_stage() if name == "ENV"]
    values = dict(part.split("=", 1) for part in shlex.split(environment))
    assert values["SIGHTLINE_HOME"].startswith("/tmp/")
    assert values["HOME"] == "/tmp"
    assert values["PYTHONDONTWRITEBYTECODE"] == "1"
    assert values["SIGHTLINE_BUILT"] == "/opt/sightline/built"
    assert values["SIGHTLINE_ENDPOINT_HOST"] == "0.0.0.0"  # noqa: S104 - a container's only interface


@pytest.mark.parametrize("name", ["endpoint", "endpoint-gpu", "compile"])
def test_locks_have_what_is_asked_for_with_a_hash_each(name: str) -> None:
    lock = (FOLDER / f"{name}.txt").read_text()
    entries = re.split(r"(?m)^(?=[a-z0-9])", lock)[1:]
    assert [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry] == []
    locked = {entry.split("==")[0] for entry in entries}
    source = (FOLDER / f"{name}.in").read_text()
    asked = {line for line in source.splitlines() if line and line[0].isalpha()}
    assert {re.split(r"[<>=;[]", line)[0].replace("_", "-") for line in asked} <= locked
    assert re.search(r"https?://|--index|--find-links", lock) is None


def test_the_gpu_image_is_the_cpu_image_and_torch() -> None:
    cpu, gpu = ((FOLDER / f"{name}.txt").read_text() for name in ("endpoint", "endpoint-gpu"))
    versions = [dict(re.findall(r"(?m)^([a-z0-9-]+)==([^ ]+)", text)) for text in (cpu, gpu)]
    shared = versions[0].keys() & versions[1].keys()
    assert shared == versions[0].keys()
    assert {name for name in shared if versions[0][name] != versions[1][name]} == set()
    assert {"torch", "open-clip-torch"} <= versions[1].keys() - versions[0].keys()


def synthesized(stage: Stage, out: Path) -> dict[str, dict[str, object]]:
    from aws_cdk import App

    from infra_cdk.app import FLAGS, build

    app = App(outdir=str(out), context=FLAGS, analytics_reporting=False)
    build(app=app, stages=[stage], bundle=False)
    app.synth()
    resources: dict[str, dict[str, object]] = json.loads(
        (out / f"{stage.stack_name}.template.json").read_text()
    )["Resources"]
    return resources


def test_a_stage_chooses_either_image(tmp_path: Path) -> None:
    assert isinstance(PROD.endpoint, InstanceEndpoint)
    on_gpu = dataclasses.replace(DEV, image="gpu", endpoint=PROD.endpoint)
    resources = synthesized(on_gpu, tmp_path).values()
    (model,) = [found for found in resources if found["Type"] == "AWS::SageMaker::Model"]
    assert "sightline-endpoint:gpu-${EndpointImageTag}" in json.dumps(model)
    (configuration,) = [found for found in resources if found["Type"] == "AWS::SageMaker::EndpointConfig"]
    assert PROD.endpoint.ami in json.dumps(configuration)


def test_a_serverless_stage_with_the_gpu_image_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="a serverless endpoint has no GPU"):
        synthesized(dataclasses.replace(DEV, image="gpu"), tmp_path)
