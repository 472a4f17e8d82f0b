"""One construct that makes a Sightline Lambda: its own role, its own logs, nothing it was not given."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.acceptance import accept_wildcard
from infra_cdk.database import DATABASE_NAME, Database
from infra_cdk.layers import RUNTIME, Layers
from infra_cdk.log_groups import log_group
from infra_cdk.stages import Stage

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, kw_only=True)
class House:
    """What every function of a stage shares."""

    stage: Stage
    database: Database
    layers: Layers


class Sizes(TypedDict, total=False):
    """What functions of one construct differ in; see Function."""

    memory_mb: int
    timeout_s: int
    decodes: bool
    learns: bool
    dead_letters: sqs.IQueue
    at_once: int | None


class Function(Construct):
    """A Lambda from functions/<name>, inside the VPC unless it needs no database."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        name: str,
        description: str,
        memory_mb: int = 512,
        timeout_s: int = 30,
        environment: Mapping[str, str] | None = None,
        decodes: bool = False,
        learns: bool = False,
        dead_letters: sqs.IQueue | None = None,
        in_vpc: bool = True,
        at_once: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.name = name
        self._stage = house.stage
        self._database = house.database
        self.logs = log_group(self, "Logs", stage=house.stage)
        self.role = iam.Role(
            self,
            "Role",
            description=f"What {name} may do",
            assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"),
        )
        self.lambda_function = lambda_.Function(
            self,
            "Function",
            description=description,
            runtime=RUNTIME,
            architecture=lambda_.Architecture.X86_64,
            handler="handler.handler",
            code=lambda_.Code.from_asset(str(ROOT / "functions" / name), exclude=["__pycache__", "*.pyc"]),
            layers=house.layers.for_function(decodes=decodes, learns=learns),
            memory_size=memory_mb,
            timeout=Duration.seconds(timeout_s),
            role=self.role,
            log_group=self.logs,
            logging_format=lambda_.LoggingFormat.JSON,
            tracing=lambda_.Tracing.ACTIVE,
            environment={
                "POWERTOOLS_SERVICE_NAME": name,
                "SIGHTLINE_STAGE": house.stage.name,
                **({"SIGHTLINE_SENTRY_DSN": house.stage.sentry_dsn} if house.stage.sentry_dsn else {}),
                **(environment or {}),
            },
            vpc=house.database.network.vpc if in_vpc else None,
            vpc_subnets=house.database.network.function_subnets if in_vpc else None,
            security_groups=[house.database.network.functions] if in_vpc else None,
            dead_letter_queue=dead_letters,
            reserved_concurrent_executions=at_once,
            # A schedule's next tick is its retry.
            retry_attempts=0 if dead_letters else None,
        )
        self.logs.grant_write(self.role)
        if in_vpc:
            self._join_vpc()
        accept_wildcard(
            self.role,
            "*",
            "X-Ray and the network interfaces of a VPC function have no resources to name; the interface "
            "actions are denied to the function's own code.",
        )

    def allow(
        self, *actions: str, on: str | Sequence[str], where: Mapping[str, object] | None = None, why: str = ""
    ) -> None:
        """Grants actions on named resources; a pattern among them needs a reason why."""
        resources = [on] if isinstance(on, str) else list(on)
        self.role.add_to_principal_policy(
            iam.PolicyStatement(actions=list(actions), resources=resources, conditions=where)
        )
        for resource in resources if why else ():
            accept_wildcard(self.role, resource, why)

    def set(self, **environment: str) -> None:
        """Adds environment variables."""
        for key, value in environment.items():
            self.lambda_function.add_environment(key, value)

    def use_database(self) -> None:
        """Lets the function in as the application role."""
        self.set(
            SIGHTLINE_DATABASE_HOST=self._database.app_host,
            SIGHTLINE_DATABASE_NAME=DATABASE_NAME,
            SIGHTLINE_DATABASE_SECRET_ARN=self._database.app_secret.secret_arn,
        )
        self.allow("secretsmanager:GetSecretValue", on=self._database.app_secret.secret_arn)

    def own_database(self) -> None:
        """Lets the function in as the owner of the schema, past the proxy."""
        self.set(
            SIGHTLINE_DATABASE_HOST=self._database.owner_host,
            SIGHTLINE_DATABASE_NAME=DATABASE_NAME,
            SIGHTLINE_OWNER_DATABASE_SECRET_ARN=self._database.owner_secret.secret_arn,
        )
        self.allow("secretsmanager:GetSecretValue", on=self._database.owner_secret.secret_arn)

    def _join_vpc(self) -> None:
        """Interface actions that Lambda needs and the code must not have.

        Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-best-practice
        """
        interfaces = [
            "ec2:CreateNetworkInterface",
            "ec2:DescribeNetworkInterfaces",
            "ec2:DescribeSubnets",
            "ec2:DeleteNetworkInterface",
            "ec2:AssignPrivateIpAddresses",
            "ec2:UnassignPrivateIpAddresses",
        ]
        stack = Stack.of(self)
        code_of_this_stack = stack.format_arn(
            service="lambda",
            resource="function",
            resource_name=f"{stack.stack_name}-*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        self.role.add_to_principal_policy(iam.PolicyStatement(actions=interfaces, resources=["*"]))
        self.role.add_to_principal_policy(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=interfaces,
                resources=["*"],
                conditions={"ArnLike": {"lambda:SourceFunctionArn": code_of_this_stack}},
            )
        )


def database_function(
    scope: Construct,
    construct_id: str,
    name: str,
    description: str,
    *,
    house: House,
    bucket: s3.IBucket | None = None,
    **sizes: Unpack[Sizes],
) -> Function:
    """A function of the application role, told of the media bucket where one is given."""
    function = Function(scope, construct_id, house=house, name=name, description=description, **sizes)
    function.use_database()
    if bucket is not None:
        function.set(SIGHTLINE_MEDIA_BUCKET=bucket.bucket_name)
    return function
