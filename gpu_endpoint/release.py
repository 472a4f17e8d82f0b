"""One release at SageMaker: a version in the model registry, and the stage's endpoint moved to it or back.

Needs the extra `deploy` (sagemaker-core, the resource layer of the SageMaker SDK); the container does not.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any

from botocore.exceptions import ClientError
from sagemaker.core.resources import Endpoint, Model, ModelPackage, ModelPackageGroup
from sagemaker.core.shapes import ContainerDefinition
from sagemaker.core.utils.exceptions import FailedStatusError, TimeoutExceededError

log = logging.getLogger("gpu_endpoint.release")
VARIANT = "primary"
# Where SageMaker puts a model's files inside the container.
# Source: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html
MODEL_FOLDER = PurePosixPath("/opt/ml/model")
JSON = "application/json"


class ReleaseError(Exception):
    """The release was not taken into use; the message says what stands now."""


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """What an endpoint that is not there yet is made of: instances, or serverless when no type is given."""

    instance_type: str | None = None
    instances: int = 1
    memory_mb: int = 3072
    max_concurrency: int = 8

    def variant(self, model_name: str) -> dict[str, Any]:
        """The one variant of a new configuration."""
        common = {"VariantName": VARIANT, "ModelName": model_name, "InitialVariantWeight": 1}
        if self.instance_type:
            return common | {"InstanceType": self.instance_type, "InitialInstanceCount": self.instances}
        serverless = {"MemorySizeInMB": self.memory_mb, "MaxConcurrency": self.max_concurrency}
        return common | {"ServerlessConfig": serverless}


@dataclass(frozen=True, kw_only=True)
class Release:
    """What is released: an image, the model it serves, and where that model's weights lie."""

    group: str
    image: str
    model_id: str
    weights: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def variables(self) -> dict[str, str]:
        """The container's environment."""
        chosen = {"SIGHTLINE_IMAGE_MODEL": self.model_id, **self.environment}
        if self.weights and not self.weights.endswith("/"):
            chosen["SIGHTLINE_IMAGE_MODEL_FILE"] = str(MODEL_FOLDER / PurePosixPath(self.weights).name)
        return chosen

    @property
    def source(self) -> dict[str, Any]:
        """The weights as SageMaker fetches them: as they are, never a tar of anything."""
        if not self.weights:
            return {}
        kind = "S3Prefix" if self.weights.endswith("/") else "S3Object"
        where = {"S3Uri": self.weights, "S3DataType": kind, "CompressionType": "None"}
        return {"ModelDataSource": {"S3DataSource": where}}


@dataclass(frozen=True, kw_only=True)
class Account:
    """Where the calls go; the session carries the credentials, and nothing here reads them."""

    session: Any
    role_arn: str
    poll_s: int = 10
    timeout_s: int = 1800

    @property
    def client(self) -> Any:
        """For what the SDK's resources garble (sagemaker-core 2.27): ModelPackage.create takes the
        InferenceSpecification of model cards, which knows no environment, and EndpointConfig.create sends
        MemorySizeInMb, which is no parameter of a serverless variant.
        """
        return self.session.client("sagemaker")


def register(release: Release, account: Account) -> ModelPackage:
    """A new version in the release's group, which is made if need be; it waits for approval."""
    if not _exists(lambda: ModelPackageGroup.get(release.group, session=account.session)):
        ModelPackageGroup.create(
            model_package_group_name=release.group,
            model_package_group_description="Releases of Sightline's inference container",
            session=account.session,
        )
    made = account.client.create_model_package(
        ModelPackageGroupName=release.group,
        InferenceSpecification={
            "Containers": [{"Image": release.image, "Environment": release.variables, **release.source}],
            "SupportedContentTypes": [JSON, "image/jpeg"],
            "SupportedResponseMIMETypes": [JSON, "application/x-npy"],
        },
        ModelApprovalStatus="PendingManualApproval",
        CustomerMetadataProperties={"model_id": release.model_id},
    )
    package = ModelPackage.get(made["ModelPackageArn"], session=account.session)
    if package is None:
        raise ReleaseError("the model package was not made")
    log.info("registered %s", package.model_package_arn)
    return package


def configure(
    release: Release, package: ModelPackage, *, account: Account, like: str | None, capacity: Capacity
) -> str:
    """A model of the version, and a configuration with it: a copy of the one named, or a new one."""
    name = f"{release.group}-v{package.model_package_version}"
    Model.create(
        model_name=name,
        primary_container=ContainerDefinition(model_package_name=package.model_package_arn),
        execution_role_arn=account.role_arn,
        session=account.session,
    )
    variants = [capacity.variant(name)]
    if like is not None:
        used = account.client.describe_endpoint_config(EndpointConfigName=like)
        variants = [{**variant, "ModelName": name} for variant in used["ProductionVariants"]]
    account.client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=variants)
    return name


def find_endpoint(name: str, account: Account) -> Endpoint | None:
    """The stage's endpoint, if it is there."""
    found: list[Endpoint] = []
    _exists(lambda: found.append(Endpoint.get(name, session=account.session)))
    return found[0] if found else None


def move(name: str, configuration: str, *, account: Account) -> Endpoint:
    """Brings the endpoint to a configuration and waits until it serves it. Raises: ReleaseError."""
    endpoint = find_endpoint(name, account)
    if endpoint is None:
        endpoint = Endpoint.create(
            endpoint_name=name, endpoint_config_name=configuration, session=account.session
        )
    else:
        endpoint.endpoint_config_name = configuration
        # How many instances there are is the scaling's own matter, and not this configuration's.
        endpoint.update(retain_all_variant_properties=True)
    try:
        endpoint.wait_for_status("InService", poll=account.poll_s, timeout=account.timeout_s)
    except (FailedStatusError, TimeoutExceededError) as error:
        raise ReleaseError(f"{name} did not come into service with {configuration}") from error
    if endpoint.refresh().endpoint_config_name != configuration:
        raise ReleaseError(f"SageMaker went back to {endpoint.endpoint_config_name} by itself")
    return endpoint


def _exists(look: Any) -> bool:
    """Whether a look-up finds what it asks for."""
    try:
        look()
    except ClientError as error:
        said = error.response["Error"]
        # SageMaker has no code for it: a missing resource is a ValidationException that says so.
        missing = said["Code"] == "ResourceNotFound" or "does not exist" in said["Message"]
        if not missing and "Could not find" not in said["Message"]:
            raise
        return False
    return True
