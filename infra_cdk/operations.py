"""What wakes a person, and the one page they look at then."""

from collections.abc import Sequence
from dataclasses import dataclass

from aws_cdk import Duration
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as states
from constructs import Construct

from infra_cdk.database import Database
from infra_cdk.functions import Function
from infra_cdk.inference import VARIANT, Inference
from infra_cdk.stages import Stage

FIVE_MINUTES = Duration.minutes(5)
_SUM, _MAXIMUM, _P99 = "Sum", "Maximum", "p99"


@dataclass(frozen=True, kw_only=True)
class Watched:
    """Everything of a stage that can go wrong by itself."""

    functions: Sequence[Function]
    work_queues: Sequence[sqs.IQueue]
    dead_letters: Sequence[sqs.IQueue]
    machines: Sequence[states.IStateMachine]
    http: apigateway.IHttpApi
    inference: Inference
    database: Database


class Operations(Construct):
    """Alarms on one topic, and a dashboard."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, watched: Watched) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Alarms", display_name=f"Sightline {stage.name}", enforce_ssl=True)
        if stage.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
        self._watch_functions(watched.functions)
        self._watch_queues(watched)
        self._watch_pipeline(watched.machines)
        self._watch_http(watched.http)
        self._watch_endpoint(watched.inference)
        self._watch_database(watched.database)
        self._dashboard(stage=stage, watched=watched)

    def _alarm(
        self,
        name: str,
        metric: cloudwatch.IMetric,
        why: str,
        *,
        threshold: float = 1,
        periods: int = 1,
    ) -> None:
        """Alarms when the metric is at the threshold or above it for that many periods; silence is health."""
        alarm = cloudwatch.Alarm(
            self,
            name,
            metric=metric,
            alarm_description=f"{why} See docs/operations.md.",
            threshold=threshold,
            evaluation_periods=periods,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(actions.SnsAction(self.topic))

    def _watch_functions(self, functions: Sequence[Function]) -> None:
        for function in functions:
            self._alarm(
                f"{function.node.id}Errors",
                function.lambda_function.metric_errors(period=FIVE_MINUTES, statistic=_SUM),
                f"{function.name} fails again and again.",
                threshold=5,
            )

    def _watch_queues(self, watched: Watched) -> None:
        for queue in watched.dead_letters:
            self._alarm(
                f"{_name(queue)}NotEmpty",
                queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic=_MAXIMUM),
                "A message failed every time and waits for a person.",
            )
        for queue in watched.work_queues:
            self._alarm(
                f"{_name(queue)}Late",
                queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, statistic=_MAXIMUM),
                "Work waits for more than 15 minutes.",
                threshold=15 * 60,
                periods=3,
            )

    def _watch_pipeline(self, machines: Sequence[states.IStateMachine]) -> None:
        for machine in machines:
            # One file that is no video is its owner's concern; several failures together are ours.
            self._alarm(
                f"{machine.node.id}Failed",
                machine.metric_failed(period=FIVE_MINUTES, statistic=_SUM),
                "Videos fail, several at a time.",
                threshold=3,
            )
            self._alarm(
                f"{machine.node.id}TimedOut",
                machine.metric_timed_out(period=FIVE_MINUTES, statistic=_SUM),
                "A video took longer than its execution may.",
            )

    def _watch_http(self, http: apigateway.IHttpApi) -> None:
        self._alarm(
            "ServerErrors",
            http.metric_server_error(period=FIVE_MINUTES, statistic=_SUM),
            "The API answers 5xx.",
            threshold=5,
        )

    def _watch_endpoint(self, inference: Inference) -> None:
        for metric, threshold, why in (
            ("Invocation5XXErrors", 10, "The inference container fails."),
            ("InvocationModelErrors", 10, "The inference container does not answer."),
        ):
            self._alarm(metric, _of_endpoint(inference, metric, _SUM), why, threshold=threshold)

    def _watch_database(self, database: Database) -> None:
        self._alarm(
            "DatabaseAtItsLimit",
            database.cluster.metric_acu_utilization(period=FIVE_MINUTES, statistic=_MAXIMUM),
            "Aurora has been at 90 % of its largest capacity for 15 minutes.",
            threshold=90,
            periods=3,
        )
        if database.proxy:
            self._alarm(
                "ProxySessionsPinned",
                _of_proxy(database, "DatabaseConnectionsCurrentlySessionPinned"),
                "Something pins RDS Proxy sessions: a SET or a prepared statement outside a function.",
                threshold=5,
                periods=3,
            )

    def _dashboard(self, *, stage: Stage, watched: Watched) -> None:
        http, database = watched.http, watched.database
        functions = [function.lambda_function for function in watched.functions]
        rows: list[list[cloudwatch.IWidget]] = [
            [
                _graph(
                    "Requests", [http.metric_count(), http.metric_client_error(), http.metric_server_error()]
                ),
                _graph("Latency (ms)", [http.metric_latency(statistic=s) for s in ("p50", _P99)]),
            ],
            [
                _graph("Function errors", [function.metric_errors() for function in functions]),
                _graph("Function duration p99 (ms)", [f.metric_duration(statistic=_P99) for f in functions]),
            ],
            [
                _graph("Videos started", [machine.metric_started() for machine in watched.machines]),
                _graph("Videos failed", [machine.metric_failed() for machine in watched.machines]),
            ],
            [
                _graph(
                    "Messages waiting",
                    [
                        queue.metric_approximate_number_of_messages_visible(label=_name(queue))
                        for queue in (*watched.work_queues, *watched.dead_letters)
                    ],
                ),
                _graph(
                    "Endpoint",
                    [
                        _of_endpoint(watched.inference, m, _SUM)
                        for m in ("Invocations", "Invocation5XXErrors")
                    ],
                ),
            ],
            [
                _graph("Endpoint latency p99 (us)", [_of_endpoint(watched.inference, "ModelLatency", _P99)]),
                _graph("Aurora capacity (ACU)", [database.cluster.metric_serverless_database_capacity()]),
                _graph("Database connections", [database.cluster.metric_database_connections()]),
            ],
        ]
        cloudwatch.Dashboard(
            self,
            "Dashboard",
            dashboard_name=stage.stack_name,
            default_interval=Duration.hours(3),
            widgets=rows,
        )


def _name(queue: sqs.IQueue) -> str:
    """Path below the stack without slashes: a queue's own id is the same in every WorkQueue."""
    scope = queue.node.scope
    return f"{scope.node.id if scope else ''}{queue.node.id}"


def _graph(title: str, metrics: Sequence[cloudwatch.IMetric]) -> cloudwatch.GraphWidget:
    return cloudwatch.GraphWidget(title=title, left=list(metrics), width=12, height=6)


def _of_endpoint(inference: Inference, metric: str, statistic: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/SageMaker",
        metric_name=metric,
        dimensions_map={"EndpointName": inference.name, "VariantName": VARIANT},
        period=FIVE_MINUTES,
        statistic=statistic,
    )


def _of_proxy(database: Database, metric: str) -> cloudwatch.Metric:
    if database.proxy is None:
        raise ValueError("this stage has no proxy")
    return cloudwatch.Metric(
        namespace="AWS/RDS",
        metric_name=metric,
        dimensions_map={"ProxyName": database.proxy.db_proxy_name},
        period=FIVE_MINUTES,
        statistic=_MAXIMUM,
    )
