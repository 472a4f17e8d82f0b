"""What of a stage is watched, and the metrics that CDK has no method for."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as states

from infra_cdk.database import Database
from infra_cdk.functions import Function
from infra_cdk.inference import VARIANT, Inference

FIVE_MINUTES = Duration.minutes(5)
SUM, MAXIMUM, P99 = "Sum", "Maximum", "p99"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Everything of a stage that can go wrong by itself."""

    functions: Sequence[Function]
    work_queues: Sequence[sqs.IQueue]
    dead_letters: Sequence[sqs.IQueue]
    last_resorts: Sequence[Function]
    """Functions that run when something has failed every time."""
    machines: Sequence[states.IStateMachine]
    http: apigateway.IHttpApi
    inference: Inference
    database: Database


def queue_label(queue: sqs.IQueue) -> str:
    """Path below the stack without slashes: a queue's own id is the same in every WorkQueue."""
    scope = queue.node.scope
    return f"{scope.node.id if scope else ''}{queue.node.id}"


def of_endpoint(inference: Inference, metric: str, statistic: str) -> cloudwatch.Metric:
    """A metric of the endpoint's one variant."""
    return cloudwatch.Metric(
        namespace="AWS/SageMaker",
        metric_name=metric,
        dimensions_map={"EndpointName": inference.name, "VariantName": VARIANT},
        period=FIVE_MINUTES,
        statistic=statistic,
    )


def rollbacks() -> cloudwatch.Metric:
    """Revisions that the containers took back; each container counts its own (gpu_endpoint/lifecycle)."""
    return cloudwatch.Metric(
        namespace="Sightline",
        metric_name="ModelRollbacks",
        dimensions_map={"service": "inference"},
        period=FIVE_MINUTES,
        statistic=SUM,
    )


def of_proxy(database: Database, metric: str) -> cloudwatch.Metric:
    """A metric of RDS Proxy. Raises: ValueError in a stage without one."""
    if database.proxy is None:
        raise ValueError("this stage has no proxy")
    return cloudwatch.Metric(
        namespace="AWS/RDS",
        metric_name=metric,
        dimensions_map={"ProxyName": database.proxy.db_proxy_name},
        period=FIVE_MINUTES,
        statistic=MAXIMUM,
    )
