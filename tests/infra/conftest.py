"""Both stages, synthesized once a session with cdk-nag on, and the layers, built once."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

Resource = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """A synthesized stack."""

    body: dict[str, Any]
    metadata: dict[str, Any]

    @property
    def resources(self) -> dict[str, Resource]:
        return dict(self.body["Resources"])

    def of(self, kind: str) -> dict[str, Resource]:
        """Resources of one type by logical id."""
        return {name: found for name, found in self.resources.items() if found["Type"] == kind}

    def properties(self, kind: str) -> list[dict[str, Any]]:
        """Their properties alone."""
        return [found.get("Properties", {}) for found in self.of(kind).values()]

    def functions(self) -> dict[str, Resource]:
        """Sightline functions by service name."""
        return {
            found["Properties"]["Environment"]["Variables"]["POWERTOOLS_SERVICE_NAME"]: found
            for found in self.of("AWS::Lambda::Function").values()
        }

    def statements(self, role: str) -> list[dict[str, Any]]:
        """Every policy statement attached to one role."""
        return [
            statement
            for policy in self.properties("AWS::IAM::Policy")
            if {"Ref": role} in policy["Roles"]
            for statement in policy["PolicyDocument"]["Statement"]
        ]

    def statements_of(self, function: str) -> list[dict[str, Any]]:
        """Every policy statement of one function's role."""
        return self.statements(self.functions()[function]["Properties"]["Role"]["Fn::GetAtt"][0])


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Template]:
    """Stage name -> template; the synthesis itself fails on any finding of cdk-nag."""
    from aws_cdk import App

    from infra_cdk.app import FLAGS, build
    from infra_cdk.nested import whole
    from infra_cdk.stages import STAGES

    out = tmp_path_factory.mktemp("assembly")
    app = App(outdir=str(out), context=FLAGS, analytics_reporting=False)
    build(app=app, stages=list(STAGES.values()), bundle=False)
    app.synth()
    return {
        name: Template(
            whole(out / f"{stage.stack_name}.template.json"),
            json.loads((out / f"{stage.stack_name}.metadata.json").read_text()),
        )
        for name, stage in STAGES.items()
    }


@pytest.fixture(params=["dev", "prod"])
def template(request: pytest.FixtureRequest, templates: Mapping[str, Template]) -> Template:
    """Each stage in turn."""
    return templates[request.param]


@pytest.fixture(scope="session")
def layers_here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both layers, built for the interpreter and machine that run the tests."""
    from infra_cdk.layer_build import NAMES, Target, build

    out = tmp_path_factory.mktemp("layers")
    for name in NAMES:
        build(
            name,
            out=out / name,
            target=Target(python=".".join(map(str, sys.version_info[:2])), platform=None),
        )
    return out
