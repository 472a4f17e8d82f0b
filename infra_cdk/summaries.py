"""Summaries of incidents: what changed on the bus, or somebody asked; a queue; the function that writes."""

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra_cdk.api import GET, POST, Api, Route
from infra_cdk.functions import Function, House
from infra_cdk.queues import WorkQueue
from infra_cdk.writing import may_write

# A model is waited for half a minute at most (providers/writer_model.py), and the database around it.
SUMMARISE_TIMEOUT_S, SUMMARISE_AT_ONCE = 90, 2


class Summaries(Construct):
    """Every change of an incident, of which some call for a summary."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        incidents_api: Function,
        bus: events.IEventBus,
    ) -> None:
        super().__init__(scope, construct_id)
        self.requests = WorkQueue(self, "SummaryRequests", consumer_timeout_s=SUMMARISE_TIMEOUT_S)
        self.summarise = Function(
            self,
            "Summarise",
            house=house,
            name="summarise",
            description="Writes what incidents are about",
            timeout_s=SUMMARISE_TIMEOUT_S,
        )
        self.summarise.use_database()
        self.summarise.set(SIGHTLINE_EVENT_BUS_NAME=bus.event_bus_name)
        self.summarise.allow("events:PutEvents", on=bus.event_bus_arn)
        may_write(self.summarise, stage=house.stage)
        self.requests.feed(self.summarise, batch_size=SUMMARISE_AT_ONCE)
        incidents_api.set(SIGHTLINE_SUMMARY_QUEUE_URL=self.requests.queue.queue_url)
        incidents_api.allow("sqs:SendMessage", on=self.requests.queue.queue_arn)
        one = "/v1/incidents/{incident_id}"
        api.route(
            incidents_api,
            Route(path=f"{one}/summary", methods=(GET, POST)),
            Route(path=f"{one}/summaries", methods=(GET,)),
        )
        events.Rule(
            self,
            "OnChanged",
            event_bus=bus,
            description="An incident changed",
            event_pattern=events.EventPattern(source=["sightline"], detail_type=["incident.changed"]),
            targets=[targets.SqsQueue(self.requests.queue)],
        )
