"""`python -m gpu_endpoint.deploy`: registers a release, moves a stage's endpoint to it and tries it.

What fails is taken back: the endpoint returns to the configuration it had, and the version is rejected.
Prints one JSON line; names and addresses only, never a credential. Needs the extra `deploy`.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from sagemaker.core.resources import Endpoint

from gpu_endpoint import release as releases
from gpu_endpoint.release import Account, Capacity, Release, ReleaseError
from gpu_endpoint.smoke import SmokeError, smoke
from sightline.contracts.inference import ModelPin

log = logging.getLogger("gpu_endpoint.deploy")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(prog="python -m gpu_endpoint.deploy", description=__doc__)
    parser.add_argument("--region", help="AWS region (AWS_REGION)")
    parser.add_argument("--poll-s", type=int, default=10, help="seconds between looks at the endpoint")
    parser.add_argument(
        "--timeout-s", type=int, default=1800, help="longest wait for it to come into service"
    )
    commands = parser.add_subparsers(dest="command", required=True)
    trial = commands.add_parser("smoke", help="ask a deployed endpoint one question")
    deploy = commands.add_parser("release", help="register, deploy, try, and go back where that fails")
    for command in (trial, deploy):
        command.add_argument("--endpoint", required=True, help="the stack's output EndpointName")
        command.add_argument("--model", required=True, help="id of the model that must answer")
        command.add_argument("--revision", help="its revision; any other is a failure")
    deploy.add_argument("--image", required=True, help="the container's address in ECR, best with its digest")
    deploy.add_argument("--group", required=True, help="model package group, one per stage: sightline-dev")
    deploy.add_argument("--role", required=True, help="ARN of the role the container runs under")
    deploy.add_argument("--weights", help="s3:// address of a safetensors or ONNX file, or of a folder (/)")
    deploy.add_argument("--env", action="append", default=[], metavar="NAME=VALUE", help="of the container")
    deploy.add_argument("--instance-type", help="for an endpoint that is not there yet; default: serverless")
    deploy.add_argument("--instances", type=int, default=1)
    deploy.add_argument("--memory-mb", type=int, default=3072)
    deploy.add_argument("--max-concurrency", type=int, default=8)
    return parser.parse_args(given)


def roll_out(
    release: Release, name: str, *, pin: ModelPin, capacity: Capacity, account: Account
) -> dict[str, Any]:
    """The whole release; answers what now stands. Raises: ReleaseError, after going back."""
    before = releases.find_endpoint(name, account)
    like = str(before.endpoint_config_name) if before else None
    package = releases.register(release, account)
    report = {"endpoint": name, "package": package.model_package_arn, "previous": like}
    try:
        made = releases.configure(release, package, account=account, like=like, capacity=capacity)
        endpoint = releases.move(name, made, account=account)
        answer = smoke(endpoint, pin=pin)
    except (ReleaseError, SmokeError, ClientError, BotoCoreError) as error:
        log.error("the release failed: %s", error)  # noqa: TRY400 - the reason, not where it was noticed
        package.update(model_approval_status="Rejected")
        raise ReleaseError(f"{error}; {_go_back(name, like, account)}") from error
    package.update(model_approval_status="Approved")
    return report | {
        "configuration": made,
        "model": answer.model,
        "revision": answer.revision,
        "dim": answer.dim,
    }


def _go_back(name: str, configuration: str | None, account: Account) -> str:
    """Says what stands after the endpoint was brought back to what it served before."""
    if configuration is None:
        return (
            f"{name} is new: there is nothing to go back to, and `aws sagemaker delete-endpoint` removes it"
        )
    now = releases.find_endpoint(name, account)
    if now is not None and (now.endpoint_config_name, now.endpoint_status) == (configuration, "InService"):
        return f"{name} serves {configuration} as before"
    try:
        releases.move(name, configuration, account=account)
    except (ReleaseError, ClientError, BotoCoreError) as error:
        return f"and {name} could not be brought back to {configuration}: {error}"
    return f"{name} is back at {configuration}"


def main(given: Sequence[str] | None = None) -> int:
    """Exit status: 0 done, 1 failed and taken back."""
    options = arguments(given)
    logging.basicConfig(level=logging.INFO, stream=sys.stderr, format="%(message)s")
    session = boto3.Session(region_name=options.region)
    pin = ModelPin(model=options.model, revision=options.revision)
    try:
        if options.command == "smoke":
            answer = smoke(Endpoint.get(options.endpoint, session=session), pin=pin)
            report = {"endpoint": options.endpoint, "model": answer.model, "revision": answer.revision}
        else:
            report = _released(options, session=session, pin=pin)
    except (ReleaseError, SmokeError, ClientError, BotoCoreError) as error:
        print(json.dumps({"endpoint": options.endpoint, "status": "failed", "reason": str(error)}))
        return 1
    print(json.dumps(report | {"status": "in service"}))
    return 0


def _released(options: argparse.Namespace, *, session: Any, pin: ModelPin) -> dict[str, Any]:
    release = Release(
        group=options.group,
        image=options.image,
        model_id=options.model,
        weights=options.weights,
        environment=dict(pair.split("=", 1) for pair in options.env),
    )
    capacity = Capacity(
        instance_type=options.instance_type,
        instances=options.instances,
        memory_mb=options.memory_mb,
        max_concurrency=options.max_concurrency,
    )
    account = Account(
        session=session, role_arn=options.role, poll_s=options.poll_s, timeout_s=options.timeout_s
    )
    return roll_out(release, options.endpoint, pin=pin, capacity=capacity, account=account)


if __name__ == "__main__":
    sys.exit(main())
