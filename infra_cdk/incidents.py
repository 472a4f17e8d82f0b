"""Alerts and incidents: a door without a database that no sender waits at, a queue, and what reads it."""

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.api import DELETE, GET, PATCH, POST, PUT, Api, Route
from infra_cdk.functions import Function, House, database_function
from infra_cdk.inference import Inference
from infra_cdk.media import every
from infra_cdk.queues import WorkQueue
from infra_cdk.storage import DELIVERIES, PREFIX, Storage

TRIAGE_TIMEOUT_S = 60
# An alert that failed for want of a database should not wait six minutes; read twice, it is counted once.
AGAIN_AFTER_S = 90
SWEEP_EVERY_MIN = 1
# One whole vCPU (1,769 MB): a cold call is all CPU, and a sender gives up after a second.
WEBHOOK_MEMORY_MB = 1769


class Incidents(Construct):
    """A monitoring tool's webhook in, incidents out."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        storage: Storage,
        inference: Inference,
        bus: events.IEventBus,
        missed_ticks: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._house, self._bus = house, bus
        self._prefix = f"/sightline/{house.stage.name}/sources"
        self._bucket = storage.media
        self.deliveries = WorkQueue(
            self,
            "Deliveries",
            consumer_timeout_s=TRIAGE_TIMEOUT_S,
            keeper_timeout_s=TRIAGE_TIMEOUT_S,
            again_after_s=AGAIN_AFTER_S,
        )
        self.webhooks = self._webhooks(api=api)
        self.triage_alerts = self._reader(
            "TriageAlerts", "triage_alerts", "Reads deliveries into alerts", inference=inference
        )
        self.deliveries.feed(self.triage_alerts)
        self.keep_dead_letters = self._reader(
            "KeepDeadLetters",
            "keep_dead_letters",
            "Tries what failed every time once more, and shows its owner why it fails",
            inference=inference,
        )
        self.deliveries.bury(self.keep_dead_letters)
        self.incidents_api = self._incidents_api(api=api)
        self.sweep_incidents = database_function(
            self,
            "SweepIncidents",
            "sweep_incidents",
            "Ends snoozes and maintenance, resolves what is quiet, tells what was lost on the way",
            house=house,
            timeout_s=60,
            dead_letters=missed_ticks,
        )
        self._may_tell(self.sweep_incidents)
        every(self, "Sweep", self.sweep_incidents, minutes=SWEEP_EVERY_MIN)

    @property
    def _sources(self) -> str:
        """The parameters of all sources of this stage."""
        return Stack.of(self).format_arn(
            service="ssm",
            resource="parameter",
            resource_name=f"{self._prefix.lstrip('/')}/*",
            arn_format=ArnFormat.SLASH_RESOURCE_NAME,
        )

    def _webhooks(self, *, api: Api) -> Function:
        function = Function(
            self,
            "Webhooks",
            house=self._house,
            name="webhooks",
            description="Takes deliveries of monitoring tools in",
            memory_mb=WEBHOOK_MEMORY_MB,
            timeout_s=10,
            in_vpc=False,
        )
        function.set(
            SIGHTLINE_SOURCE_PREFIX=self._prefix,
            SIGHTLINE_ALERT_QUEUE_URL=self.deliveries.queue.queue_url,
            SIGHTLINE_MEDIA_BUCKET=self._bucket.bucket_name,
        )
        function.allow("ssm:GetParameter", on=self._sources, why="A source is named when it is made.")
        function.allow("sqs:SendMessage", on=self.deliveries.queue.queue_arn)
        function.allow("s3:PutObject", on=self._bucket.arn_for_objects(DELIVERIES), why=PREFIX)
        api.route(
            function, Route(path="/v1/webhooks/{platform}/{source_id}", methods=(POST,), caller="anyone")
        )
        return function

    def _reader(self, construct_id: str, name: str, description: str, *, inference: Inference) -> Function:
        """A function that may read deliveries into alerts."""
        function = Function(
            self,
            construct_id,
            house=self._house,
            name=name,
            description=description,
            timeout_s=TRIAGE_TIMEOUT_S,
        )
        function.use_database()
        function.set(SIGHTLINE_MEDIA_BUCKET=self._bucket.bucket_name)
        function.allow("s3:GetObject", on=self._bucket.arn_for_objects(DELIVERIES), why=PREFIX)
        inference.admit(function)
        self._may_tell(function)
        return function

    def _may_tell(self, function: Function) -> None:
        """Of incidents that changed."""
        function.set(SIGHTLINE_EVENT_BUS_NAME=self._bus.event_bus_name)
        function.allow("events:PutEvents", on=self._bus.event_bus_arn)

    def _incidents_api(self, *, api: Api) -> Function:
        function = Function(
            self,
            "IncidentsApi",
            house=self._house,
            name="incidents_api",
            description="Sources, alerts, deliveries and incidents",
            memory_mb=1024,
            timeout_s=29,
        )
        function.use_database()
        function.set(
            SIGHTLINE_SOURCE_PREFIX=self._prefix, SIGHTLINE_ALERT_QUEUE_URL=self.deliveries.queue.queue_url
        )
        function.allow(
            "ssm:PutParameter",
            "ssm:GetParameter",
            "ssm:DeleteParameter",
            on=self._sources,
            why="A source is named when it is made.",
        )
        function.allow("sqs:SendMessage", on=self.deliveries.queue.queue_arn)
        self._may_tell(function)
        api.route(
            function,
            Route(path="/v1/alert-sources", methods=(GET, POST)),
            Route(path="/v1/alert-sources/{proxy+}", methods=(POST, PATCH, DELETE)),
            Route(path="/v1/alerts", methods=(GET,)),
            Route(path="/v1/alerts/{proxy+}", methods=(GET,)),
            Route(path="/v1/alert-deliveries", methods=(GET,)),
            Route(path="/v1/alert-deliveries/{proxy+}", methods=(GET, POST)),
            Route(path="/v1/alert-dead-letters", methods=(GET,)),
            Route(path="/v1/alert-dead-letters/{proxy+}", methods=(GET, POST)),
            Route(path="/v1/incidents", methods=(GET,)),
            Route(path="/v1/incidents/{proxy+}", methods=(GET, POST, PATCH)),
            Route(path="/v1/incident-settings", methods=(GET, PUT)),
            Route(path="/v1/maintenance-windows", methods=(GET, POST)),
            Route(path="/v1/maintenance-windows/{proxy+}", methods=(DELETE,)),
            Route(path="/v1/service-map", methods=(GET, PUT)),
        )
        return function
