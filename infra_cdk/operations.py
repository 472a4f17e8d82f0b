"""What wakes a person, and the one page they look at then."""

from collections.abc import Sequence

from aws_cdk import NestedStack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_sns as sns
from aws_cdk import aws_sns_subscriptions as subscriptions
from aws_cdk import aws_stepfunctions as states
from constructs import Construct

from infra_cdk.dashboard import dashboard
from infra_cdk.database import Database
from infra_cdk.functions import Function
from infra_cdk.inference import Inference
from infra_cdk.metrics import (
    FIVE_MINUTES,
    MAXIMUM,
    SUM,
    Watched,
    of_endpoint,
    of_proxy,
    queue_label,
    rollbacks,
)
from infra_cdk.stages import Stage


class Operations(NestedStack):
    """Alarms on one topic, and a dashboard; in a stack of their own, since one takes 500 resources."""

    def __init__(self, scope: Construct, construct_id: str, *, stage: Stage, watched: Watched) -> None:
        super().__init__(scope, construct_id)
        self.topic = sns.Topic(self, "Alarms", display_name=f"Sightline {stage.name}", enforce_ssl=True)
        if stage.alarm_email:
            self.topic.add_subscription(subscriptions.EmailSubscription(stage.alarm_email))
        self._watch_functions(watched.functions)
        self._watch_last_resorts(watched.last_resorts)
        self._watch_queues(watched)
        self._watch_pipeline(watched.machines)
        self._watch_http(watched.http)
        self._watch_endpoint(watched.inference)
        self._watch_database(watched.database)
        dashboard(self, "Dashboard", stage=stage, watched=watched)

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
                function.lambda_function.metric_errors(period=FIVE_MINUTES, statistic=SUM),
                f"{function.name} fails again and again.",
                threshold=5,
            )

    def _watch_last_resorts(self, functions: Sequence[Function]) -> None:
        """Their queue is empty again before anybody looks."""
        for function in functions:
            self._alarm(
                f"{function.node.id}Ran",
                function.lambda_function.metric_invocations(period=FIVE_MINUTES, statistic=SUM),
                "A delivery failed every time; it was tried once more, or shown to its owner.",
            )

    def _watch_queues(self, watched: Watched) -> None:
        for queue in watched.dead_letters:
            self._alarm(
                f"{queue_label(queue)}NotEmpty",
                queue.metric_approximate_number_of_messages_visible(period=FIVE_MINUTES, statistic=MAXIMUM),
                "A message failed every time and waits for a person.",
            )
        for queue in watched.work_queues:
            self._alarm(
                f"{queue_label(queue)}Late",
                queue.metric_approximate_age_of_oldest_message(period=FIVE_MINUTES, statistic=MAXIMUM),
                "Work waits for more than 15 minutes.",
                threshold=15 * 60,
                periods=3,
            )

    def _watch_pipeline(self, machines: Sequence[states.IStateMachine]) -> None:
        for machine in machines:
            # One file that is no video is its owner's concern; several failures together are ours.
            self._alarm(
                f"{machine.node.id}Failed",
                machine.metric_failed(period=FIVE_MINUTES, statistic=SUM),
                "Videos fail, several at a time.",
                threshold=3,
            )
            self._alarm(
                f"{machine.node.id}TimedOut",
                machine.metric_timed_out(period=FIVE_MINUTES, statistic=SUM),
                "A video took longer than its execution may.",
            )

    def _watch_http(self, http: apigateway.IHttpApi) -> None:
        self._alarm(
            "ServerErrors",
            http.metric_server_error(period=FIVE_MINUTES, statistic=SUM),
            "The API answers 5xx.",
            threshold=5,
        )

    def _watch_endpoint(self, inference: Inference) -> None:
        for metric, threshold, why in (
            ("Invocation5XXErrors", 10, "The inference container fails."),
            ("InvocationModelErrors", 10, "The inference container does not answer."),
        ):
            self._alarm(metric, of_endpoint(inference, metric, SUM), why, threshold=threshold)
        self._alarm("ModelRolledBack", rollbacks(), "A promoted model broke its budget and was taken back.")

    def _watch_database(self, database: Database) -> None:
        self._alarm(
            "DatabaseAtItsLimit",
            database.cluster.metric_acu_utilization(period=FIVE_MINUTES, statistic=MAXIMUM),
            "Aurora has been at 90 % of its largest capacity for 15 minutes.",
            threshold=90,
            periods=3,
        )
        if database.proxy:
            self._alarm(
                "ProxySessionsPinned",
                of_proxy(database, "DatabaseConnectionsCurrentlySessionPinned"),
                "Something pins RDS Proxy sessions: a SET or a prepared statement outside a function.",
                threshold=5,
                periods=3,
            )
