"""Notifications: the queue of what is to be told, who tells it, and a door for Slack's buttons."""

from aws_cdk import ArnFormat, RemovalPolicy, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.api import DELETE, GET, PATCH, POST, Api, Route
from infra_cdk.functions import Function, House, database_function
from infra_cdk.media import every
from infra_cdk.outgoing import Outgoing
from infra_cdk.queues import WorkQueue

# Two calls of 15 s, and time to write down what came of them. One at a time: a channel that does not answer
# holds up no other.
SEND_TIMEOUT_S, SEND_AT_ONCE = 90, 1
SWEEP_EVERY_MIN = 1
# One whole vCPU (1,769 MB): Slack waits for three seconds, and a cold call is all CPU.
BUTTON_MEMORY_MB = 1769
# All of a stage's people together; what is not Slack's cannot be told apart at the door.
PRESSES_PER_S = 20


class Notices(Construct):
    """Who is told of incidents."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        outgoing: Outgoing,
        bus: events.IEventBus,
        missed_ticks: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._house, self._bus = house, bus
        self.key = kms.Key(
            self,
            "Secrets",
            description=f"Seals the secrets of notification channels ({house.stage.name})",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN if house.stage.keep_data else RemovalPolicy.DESTROY,
        )
        self.messages = WorkQueue(self, "Notices", consumer_timeout_s=SEND_TIMEOUT_S)
        self.notices_api = self._notices_api(api=api)
        self.slack_interactions = self._slack_interactions(api=api)
        self.notify = self._notify(outgoing=outgoing)
        self.sweep_notices = database_function(
            self,
            "SweepNotices",
            "sweep_notices",
            "Tells what was held back until now, and what was lost on the way",
            house=house,
            timeout_s=60,
            dead_letters=missed_ticks,
        )
        self._may_queue(self.sweep_notices)
        every(self, "Sweep", self.sweep_notices, minutes=SWEEP_EVERY_MIN)

    def _notices_api(self, *, api: Api) -> Function:
        """Seals what it is given, and cannot open it again."""
        function = database_function(
            self,
            "NoticesApi",
            "notices_api",
            "Notification channels, and what was told through them",
            house=self._house,
            memory_mb=1024,
            timeout_s=29,
        )
        self._may_queue(function)
        self._may_use_key(function, "kms:Encrypt")
        self._set_mail(function)
        api.route(
            function,
            Route(path="/v1/notification-channels", methods=(GET, POST)),
            Route(path="/v1/notification-channels/{proxy+}", methods=(GET, POST, PATCH, DELETE)),
            Route(path="/v1/notifications", methods=(GET,)),
            Route(path="/v1/notifications/{proxy+}", methods=(GET, POST)),
            Route(path="/v1/incidents/{incident_id}/notifications/dry-run", methods=(POST,)),
        )
        return function

    def _slack_interactions(self, *, api: Api) -> Function:
        """Without the database, which may be paused: it answers at once, and notify proves and does it."""
        function = Function(
            self,
            "SlackInteractions",
            house=self._house,
            name="slack_interactions",
            description="Takes presses of buttons of Slack messages in",
            memory_mb=BUTTON_MEMORY_MB,
            timeout_s=10,
            in_vpc=False,
        )
        self._may_queue(function)
        path = "/v1/slack/interactions/{channel_id}"
        api.route(function, Route(path=path, methods=(POST,), caller="anyone"))
        api.throttle(f"POST {path}", requests_per_s=PRESSES_PER_S)
        return function

    def _notify(self, *, outgoing: Outgoing) -> Function:
        function = database_function(
            self,
            "Notify",
            "notify",
            "Tells people of incidents, and again where that fails",
            house=self._house,
            timeout_s=SEND_TIMEOUT_S,
        )
        self._may_queue(function)
        self._may_use_key(function, "kms:Decrypt")
        self._set_mail(function)
        self._let_mail(function)
        # Who presses a button in Slack changes an incident.
        function.set(SIGHTLINE_EVENT_BUS_NAME=self._bus.event_bus_name)
        function.allow("events:PutEvents", on=self._bus.event_bus_arn)
        outgoing.may_hand_over(function)
        self.messages.feed(function, batch_size=SEND_AT_ONCE)
        events.Rule(
            self,
            "OnIncident",
            event_bus=self._bus,
            description="An incident changed",
            event_pattern=events.EventPattern(source=["sightline"], detail_type=["incident.changed"]),
            targets=[targets.SqsQueue(self.messages.queue)],
        )
        return function

    def _may_queue(self, function: Function) -> None:
        function.set(SIGHTLINE_NOTICE_QUEUE_URL=self.messages.queue.queue_url)
        function.allow("sqs:SendMessage", on=self.messages.queue.queue_arn)

    def _may_use_key(self, function: Function, action: str) -> None:
        function.set(SIGHTLINE_CHANNEL_KEY_ARN=self.key.key_arn)
        function.allow(action, on=self.key.key_arn)

    def _set_mail(self, function: Function) -> None:
        stage = self._house.stage
        if stage.mail_from:
            function.set(SIGHTLINE_MAIL_FROM=stage.mail_from)
        if stage.console_url:
            function.set(SIGHTLINE_CONSOLE_URL=stage.console_url)

    def _let_mail(self, function: Function) -> None:
        """From one address only, whichever of the two identities SES knows it by."""
        address = self._house.stage.mail_from
        if address:
            identities = [
                Stack.of(self).format_arn(
                    service="ses",
                    resource="identity",
                    resource_name=name,
                    arn_format=ArnFormat.SLASH_RESOURCE_NAME,
                )
                for name in (address, address.rpartition("@")[2])
            ]
            function.allow(
                "ses:SendEmail", on=identities, where={"StringEquals": {"ses:FromAddress": address}}
            )
