"""Assets: uploads, the queue behind them, the pipeline that indexes them, the sweeper that forgets none."""

from typing import Unpack

from aws_cdk import ArnFormat, Duration, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as states
from constructs import Construct

from infra_cdk.api import DELETE, GET, PATCH, POST, Api, Route
from infra_cdk.functions import Function, House, Sizes, database_function
from infra_cdk.inference import Inference
from infra_cdk.media_pipeline import NAMED_LATER, MediaPipeline
from infra_cdk.queues import WorkQueue
from infra_cdk.storage import EXPORTS, PREFIX, SHEETS, UPLOADS, Storage, may_delete

START_TIMEOUT_S = 30
PURGE_TIMEOUT_S = 300
SWEEP_TIMEOUT_S = 55
SWEEP_EVERY_MIN = 1


class Media(Construct):
    """What the domains share: a video's way from upload to searchable frames, and out again."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        storage: Storage,
        inference: Inference,
    ) -> None:
        super().__init__(scope, construct_id)
        self._house = house
        self._bucket = storage.media
        self.bus = events.EventBus(
            self,
            "Bus",
            event_bus_name=f"{house.stage.stack_name}-events",
            description="What became of assets",
        )
        self.uploads = WorkQueue(self, "Uploads", consumer_timeout_s=START_TIMEOUT_S)
        self.purges = WorkQueue(self, "Purges", consumer_timeout_s=PURGE_TIMEOUT_S)
        self.missed_ticks = sqs.Queue(
            self, "MissedTicks", enforce_ssl=True, retention_period=Duration.days(14)
        )
        self.pipeline = MediaPipeline(
            self, "Pipeline", house=house, bucket=self._bucket, bus=self.bus, inference=inference
        )
        self.admissions = WorkQueue(self, "Admissions", consumer_timeout_s=START_TIMEOUT_S)
        self.media_api = self._media_api(api=api)
        self.start_pipeline = self._start_pipeline()
        self.admit_runs = self._admit_runs()
        self.purge_asset = self._purge_asset()
        self.sweep_assets = self._sweep_assets()

    def _media_api(self, *, api: Api) -> Function:
        function = self._function(
            "MediaApi", "media_api", "Assets and their uploads", memory_mb=1024, timeout_s=29
        )
        function.allow(
            "s3:PutObject",
            "s3:GetObject",
            "s3:AbortMultipartUpload",
            "s3:ListMultipartUploadParts",
            on=self._bucket.arn_for_objects(UPLOADS),
            why=PREFIX,
        )
        self._may_start(function)
        self._may_purge(function)
        api.route(
            function,
            Route(path="/v1/assets", methods=(GET, POST)),
            Route(path="/v1/assets/{proxy+}", methods=(GET, POST, PATCH, DELETE)),
            Route(path="/v1/users/me/videos", methods=(GET,), caller="user"),
        )
        return function

    def _start_pipeline(self) -> Function:
        function = self._function(
            "StartPipeline",
            "start_pipeline",
            "Starts one execution for each uploaded object version",
            timeout_s=START_TIMEOUT_S,
        )
        self._may_start(function)
        # What arrives by a signed address after its asset was deleted goes the same way.
        self._may_purge(function)
        self.uploads.feed(function)
        events.Rule(
            self,
            "OnUpload",
            description="A source file arrived in the media bucket",
            event_pattern=events.EventPattern(
                source=["aws.s3"],
                detail_type=["Object Created"],
                detail={
                    "bucket": {"name": [self._bucket.bucket_name]},
                    "object": {"key": [{"prefix": "uploads/"}]},
                },
            ),
            targets=[targets.SqsQueue(self.uploads.queue)],
        )
        return function

    def _admit_runs(self) -> Function:
        """The end of a run makes room for the next: nothing of a run itself may start another."""
        function = self._function(
            "AdmitRuns", "admit_runs", "Starts waiting runs when another has ended", timeout_s=START_TIMEOUT_S
        )
        self._may_start(function)
        self.admissions.feed(function)
        events.Rule(
            self,
            "OnEnd",
            event_bus=self.bus,
            description="A video's run ended",
            event_pattern=events.EventPattern(
                source=["sightline"], detail_type=["asset.ready", "asset.failed", "asset.deleted"]
            ),
            targets=[targets.SqsQueue(self.admissions.queue)],
        )
        return function

    def _purge_asset(self) -> Function:
        function = self._function(
            "PurgeAsset",
            "purge_asset",
            "Deletes an asset's rows, vectors and every version of its objects",
            timeout_s=PURGE_TIMEOUT_S,
        )
        function.allow(
            "s3:AbortMultipartUpload",
            on=[self._bucket.arn_for_objects(prefix) for prefix in (UPLOADS, EXPORTS)],
            why=PREFIX,
        )
        may_delete(function, bucket=self._bucket, prefixes=(UPLOADS, SHEETS, EXPORTS))
        self._may_publish(function)
        self.purges.feed(function)
        return function

    def _sweep_assets(self) -> Function:
        function = self._function(
            "SweepAssets",
            "sweep_assets",
            "Re-drives what was lost on the way and expires uploads nobody finished",
            timeout_s=SWEEP_TIMEOUT_S,
            dead_letters=self.missed_ticks,
        )
        function.allow(
            "s3:GetObject",
            "s3:AbortMultipartUpload",
            on=self._bucket.arn_for_objects(UPLOADS),
            why=PREFIX,
        )
        self._may_start(function)
        may_look_at_runs(function, self.pipeline.machine)
        self._may_purge(function)
        self._may_publish(function)
        every(self, "Sweep", function, minutes=SWEEP_EVERY_MIN)
        return function

    def _function(self, construct_id: str, name: str, description: str, **sizes: Unpack[Sizes]) -> Function:
        return database_function(
            self, construct_id, name, description, house=self._house, bucket=self._bucket, **sizes
        )

    def _may_start(self, function: Function) -> None:
        machine = self.pipeline.machine
        function.set(
            SIGHTLINE_STATE_MACHINE_ARN=machine.state_machine_arn,
            SIGHTLINE_RUNS_AT_ONCE=str(self._house.stage.runs_at_once),
        )
        function.allow("states:StartExecution", on=machine.state_machine_arn)

    def _may_purge(self, function: Function) -> None:
        function.set(SIGHTLINE_PURGE_QUEUE_URL=self.purges.queue.queue_url)
        function.allow("sqs:SendMessage", on=self.purges.queue.queue_arn)

    def _may_publish(self, function: Function) -> None:
        function.set(SIGHTLINE_EVENT_BUS_NAME=self.bus.event_bus_name)
        function.allow("events:PutEvents", on=self.bus.event_bus_arn)


def may_look_at_runs(function: Function, machine: states.StateMachine) -> None:
    """Lets a function see how executions of a machine are doing."""
    executions = Stack.of(function).format_arn(
        service="states",
        resource="execution",
        resource_name=f"{machine.state_machine_name}:*",
        arn_format=ArnFormat.COLON_RESOURCE_NAME,
    )
    function.allow("states:DescribeExecution", on=executions, why=NAMED_LATER)


def every(scope: Construct, construct_id: str, function: Function, *, minutes: int) -> events.Rule:
    """Calls a function on a fixed beat."""
    return events.Rule(
        scope,
        construct_id,
        description=f"{function.name} every {minutes} min",
        schedule=events.Schedule.rate(Duration.minutes(minutes)),
        targets=[targets.LambdaFunction(function.lambda_function, retry_attempts=0)],
    )
