"""What runs by itself on what is indexed: concepts and standing searches."""

from typing import Unpack

from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from constructs import Construct

from infra_cdk.api import DELETE, GET, PATCH, POST, Api, Route
from infra_cdk.functions import Function, House, Sizes, database_function
from infra_cdk.inference import Inference
from infra_cdk.outgoing import Outgoing
from infra_cdk.queues import WorkQueue

TRAIN_TIMEOUT_S, APPLY_TIMEOUT_S, MATCH_TIMEOUT_S = 120, 120, 300


class Standing(Construct):
    """Three queues: concepts to train, concepts to apply, videos that became ready."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        scenarios_api: Function,
        inference: Inference,
        outgoing: Outgoing,
        bus: events.IEventBus,
    ) -> None:
        super().__init__(scope, construct_id)
        self._house = house
        self.trainings = WorkQueue(self, "Trainings", consumer_timeout_s=TRAIN_TIMEOUT_S)
        self.applications = WorkQueue(self, "Applications", consumer_timeout_s=APPLY_TIMEOUT_S)
        self.matches = WorkQueue(self, "Matches", consumer_timeout_s=MATCH_TIMEOUT_S)
        self.train_concept = self._function(
            "TrainConcept",
            "train_concept",
            "Teaches concepts from marked frames",
            timeout_s=TRAIN_TIMEOUT_S,
            memory_mb=1769,
            learns=True,
        )
        self.apply_concept = self._function(
            "ApplyConcept", "apply_concept", "Tags what shows a concept", timeout_s=APPLY_TIMEOUT_S
        )
        self.match_asset = self._function(
            "MatchAsset",
            "match_asset",
            "Runs kept concepts and standing searches on new videos",
            timeout_s=MATCH_TIMEOUT_S,
        )
        for queue, function in (
            (self.trainings, self.train_concept),
            (self.applications, self.apply_concept),
            (self.matches, self.match_asset),
        ):
            queue.feed(function)
        self._let_queue(scenarios_api)
        self.apply_concept.set(SIGHTLINE_APPLICATION_QUEUE_URL=self.applications.queue.queue_url)
        self.apply_concept.allow("sqs:SendMessage", on=self.applications.queue.queue_arn)
        inference.admit(self.match_asset)
        self.match_asset.set(
            SIGHTLINE_IMAGE_MODEL=house.stage.image_model, SIGHTLINE_EVENT_BUS_NAME=bus.event_bus_name
        )
        self.match_asset.allow("events:PutEvents", on=bus.event_bus_arn)
        outgoing.may_hand_over(self.match_asset)
        self._hear(bus)
        api.route(
            scenarios_api,
            Route(path="/v1/concepts", methods=(GET, POST)),
            Route(path="/v1/concepts/{proxy+}", methods=(GET, POST, DELETE)),
            Route(path="/v1/searches", methods=(GET,)),
            Route(path="/v1/searches/{proxy+}", methods=(GET, POST)),
            Route(path="/v1/saved-searches", methods=(GET, POST)),
            Route(path="/v1/saved-searches/{proxy+}", methods=(GET, POST, PATCH, DELETE)),
        )

    def _function(self, construct_id: str, name: str, description: str, **sizes: Unpack[Sizes]) -> Function:
        return database_function(self, construct_id, name, description, house=self._house, **sizes)

    def _let_queue(self, function: Function) -> None:
        function.set(
            SIGHTLINE_TRAINING_QUEUE_URL=self.trainings.queue.queue_url,
            SIGHTLINE_APPLICATION_QUEUE_URL=self.applications.queue.queue_url,
        )
        function.allow(
            "sqs:SendMessage", on=[self.trainings.queue.queue_arn, self.applications.queue.queue_arn]
        )

    def _hear(self, bus: events.IEventBus) -> None:
        events.Rule(
            self,
            "OnReady",
            event_bus=bus,
            description="A video became ready",
            event_pattern=events.EventPattern(source=["sightline"], detail_type=["asset.ready"]),
            targets=[targets.SqsQueue(self.matches.queue)],
        )
