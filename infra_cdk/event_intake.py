"""What EventBridge brings to the alerts' queue: what goes wrong in an account, a partner's messages."""

from collections.abc import Mapping
from typing import Any

from aws_cdk import Aws
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra_cdk.functions import Function
from infra_cdk.queues import WorkQueue
from infra_cdk.stages import OWN_ACCOUNT, Stage

PARTNER = "aws.partner/"
# What goes wrong in an account, by the service that says so; sightline/incidents/senders/cloudwatch reads it.
# Filters leave out most of what is told although it went well. Source: "Events from AWS services",
# https://docs.aws.amazon.com/eventbridge/latest/ref/welcome.html, and each service's page there.
HEARD: Mapping[str, Mapping[str, Any]] = {
    "AlarmsAndHealth": {
        "source": ["aws.cloudwatch", "aws.health"],
        "detail_type": ["CloudWatch Alarm State Change", "AWS Health Event"],
    },
    "Findings": {
        "source": ["aws.guardduty", "aws.securityhub"],
        "detail_type": ["GuardDuty Finding", "Security Hub Findings - Imported"],
    },
    "Databases": {"source": ["aws.rds"], "detail_type": ["RDS DB Instance Event", "RDS DB Cluster Event"]},
    "Tasks": {
        "source": ["aws.ecs"],
        "detail_type": ["ECS Task State Change"],
        "detail": {"lastStatus": ["STOPPED"]},
    },
    "Services": {
        "source": ["aws.ecs"],
        "detail_type": ["ECS Service Action", "ECS Deployment State Change"],
    },
    "Scaling": {
        "source": ["aws.autoscaling"],
        "detail_type": [
            f"EC2 Instance {what} {how}"
            for what in ("Launch", "Terminate")
            for how in ("Successful", "Unsuccessful")
        ],
    },
    "Releases": {
        "source": ["aws.codepipeline", "aws.codebuild", "aws.codedeploy"],
        "detail_type": [
            "CodePipeline Pipeline Execution State Change",
            "CodeBuild Build State Change",
            "CodeDeploy Deployment State-change Notification",
        ],
    },
    "Executions": {
        "source": ["aws.states"],
        "detail_type": ["Step Functions Execution Status Change"],
        "detail": {"status": ["FAILED", "TIMED_OUT", "ABORTED"]},
    },
}


class EventIntake(Construct):
    """Rules for the origins that a stage lets sources claim, and no others."""

    def __init__(
        self, scope: Construct, construct_id: str, *, stage: Stage, deliveries: WorkQueue, claims: Function
    ) -> None:
        super().__init__(scope, construct_id)
        self._target = targets.SqsQueue(deliveries.queue)
        origins = [entry.replace(OWN_ACCOUNT, Aws.ACCOUNT_ID, 1) for entry in stage.event_origins]
        claims.set(SIGHTLINE_EVENT_ORIGINS=",".join(origins))
        names = [entry.partition("@")[0] for entry in stage.event_origins]
        accounts = [name for name in names if not name.startswith(PARTNER)]
        if accounts:
            self._hear_accounts(accounts)
        for number, name in enumerate(name for name in names if name.startswith(PARTNER)):
            self._hear_partner(name, number)

    def _hear_accounts(self, accounts: list[str]) -> None:
        """Other accounts forward to this one's default bus, which lets them."""
        ids = [Aws.ACCOUNT_ID if name == OWN_ACCOUNT else name for name in accounts]
        for name, pattern in HEARD.items():
            events.Rule(
                self,
                name,
                description=f"{name} of accounts, as alerts",
                event_pattern=events.EventPattern(account=ids, **pattern),
                targets=[self._target],
            )
        for account in (name for name in accounts if name != OWN_ACCOUNT):
            events.CfnEventBusPolicy(
                self,
                f"From{account}",
                statement_id=f"SightlineFrom{account}",
                action="events:PutEvents",
                principal=account,
            )

    def _hear_partner(self, name: str, number: int) -> None:
        """A partner's event source has a bus of its own name."""
        events.Rule(
            self,
            f"Partner{number}",
            event_bus=events.EventBus.from_event_bus_name(self, f"PartnerBus{number}", name),
            description=f"Messages of {name.split('/')[1]}, as alerts",
            event_pattern=events.EventPattern(source=[name]),
            targets=[self._target],
        )
