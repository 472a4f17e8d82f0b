"""What EventBridge brings to the alerts' queue: an account's alarms and health, a partner's messages."""

from aws_cdk import Aws
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra_cdk.functions import Function
from infra_cdk.queues import WorkQueue
from infra_cdk.stages import OWN_ACCOUNT, Stage

PARTNER = "aws.partner/"


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
        events.Rule(
            self,
            "AlarmsAndHealth",
            description="Alarms of CloudWatch and events of AWS Health, as alerts",
            event_pattern=events.EventPattern(
                source=["aws.cloudwatch", "aws.health"],
                detail_type=["CloudWatch Alarm State Change", "AWS Health Event"],
                account=[Aws.ACCOUNT_ID if name == OWN_ACCOUNT else name for name in accounts],
            ),
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
