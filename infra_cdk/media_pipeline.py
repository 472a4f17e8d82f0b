"""The two state machines of media and the functions they call."""

from typing import Unpack

from aws_cdk import ArnFormat, Stack
from aws_cdk import aws_events as events
from aws_cdk import aws_iam as iam
from aws_cdk import aws_s3 as s3
from constructs import Construct

from infra_cdk import media_states
from infra_cdk.acceptance import accept_wildcard
from infra_cdk.functions import Function, House, Sizes, database_function
from infra_cdk.inference import Inference
from infra_cdk.machines import let_call, machine
from infra_cdk.storage import PREFIX, SHEETS, UPLOADS, may_delete

NAMED_LATER = "An execution is named when it is started."

STEP = Sizes(memory_mb=1024, timeout_s=120, decodes=True)


class MediaPipeline(Construct):
    """Probe, extract, embed, finish: each step a function with a role of its own."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        bucket: s3.IBucket,
        bus: events.IEventBus,
        inference: Inference,
    ) -> None:
        super().__init__(scope, construct_id)
        self._house = house
        self._bucket = bucket
        self.probe_media = self._step(
            "ProbeMedia", "probe_media", "Container, codec, duration; plans the chunks"
        )
        self.extract_frames = self._step(
            "ExtractFrames",
            "extract_frames",
            "Decodes a chunk into contact sheets",
            memory_mb=3008,
            timeout_s=600,
        )
        self.embed_frames = self._step(
            "EmbedFrames",
            "embed_frames",
            "Embeds one contact sheet and stores its vectors",
            memory_mb=512,
            at_once=house.stage.embeds_at_once,
        )
        self.finish_asset = self._step(
            "FinishAsset", "finish_asset", "Makes the new run the asset's own", decodes=False
        )
        self.fail_asset = self._step(
            "FailAsset", "fail_asset", "Says on the asset why it failed", decodes=False
        )
        self._grant(bus=bus, inference=inference)
        steps = self._steps()
        self.batch_machine = machine(self, "Batch", media_states.media_batch(steps=steps), stage=house.stage)
        self.machine = machine(
            self,
            "Media",
            media_states.media(
                steps=steps,
                batch_machine=self.batch_machine.state_machine_arn,
                batches_at_once=house.stage.pipeline_concurrency,
            ),
            stage=house.stage,
        )
        let_call(self.batch_machine, self.extract_frames, self.embed_frames)
        let_call(self.machine, self.probe_media, self.finish_asset, self.fail_asset)
        self._let_run_batches()

    @property
    def functions(self) -> list[Function]:
        return [self.probe_media, self.extract_frames, self.embed_frames, self.finish_asset, self.fail_asset]

    def _steps(self) -> media_states.Steps:
        return media_states.Steps(
            **{function.name: function.lambda_function.function_arn for function in self.functions}
        )

    def _step(self, construct_id: str, name: str, description: str, **sizes: Unpack[Sizes]) -> Function:
        return database_function(
            self, construct_id, name, description, house=self._house, bucket=self._bucket, **(STEP | sizes)
        )

    def _grant(self, *, bus: events.IEventBus, inference: Inference) -> None:
        uploads, sheets = self._bucket.arn_for_objects(UPLOADS), self._bucket.arn_for_objects(SHEETS)
        for function in (self.probe_media, self.extract_frames):
            function.allow("s3:GetObject", "s3:GetObjectVersion", on=uploads, why=PREFIX)
        self.extract_frames.allow("s3:PutObject", on=sheets, why=PREFIX)
        # A run that was superseded takes its sheets back; a run that ends removes those of the one before.
        for function in (self.extract_frames, self.finish_asset):
            may_delete(function, bucket=self._bucket, prefixes=(SHEETS,))
        self.embed_frames.allow("s3:GetObject", on=sheets, why=PREFIX)
        inference.admit(self.embed_frames)
        self.embed_frames.set(SIGHTLINE_IMAGE_MODEL=self._house.stage.image_model)
        for function in (self.finish_asset, self.fail_asset):
            function.set(SIGHTLINE_EVENT_BUS_NAME=bus.event_bus_name)
            function.allow("events:PutEvents", on=bus.event_bus_arn)

    def _let_run_batches(self) -> None:
        """What `startExecution.sync` needs.

        Source: https://docs.aws.amazon.com/step-functions/latest/dg/connect-stepfunctions.html
        """
        stack = Stack.of(self)
        executions = stack.format_arn(
            service="states",
            resource="execution",
            resource_name=f"{self.batch_machine.state_machine_name}:*",
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )
        rule = stack.format_arn(
            service="events",
            resource="rule",
            resource_name="StepFunctionsGetEventsForStepFunctionsExecutionRule",
        )
        for actions, resource in (
            (["states:StartExecution"], self.batch_machine.state_machine_arn),
            (["states:DescribeExecution", "states:StopExecution"], executions),
            (["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule),
        ):
            self.machine.add_to_role_policy(iam.PolicyStatement(actions=actions, resources=[resource]))
        accept_wildcard(self.machine, executions, NAMED_LATER)
