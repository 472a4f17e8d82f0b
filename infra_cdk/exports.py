"""Exports: the machine that writes archives, and the sweep that forgets none."""

from typing import Unpack

from aws_cdk import aws_events as events
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk import export_states
from infra_cdk.api import DELETE, GET, POST, Api, Route
from infra_cdk.functions import Function, House, Sizes, database_function
from infra_cdk.inference import Inference
from infra_cdk.machines import let_call, machine
from infra_cdk.media import every, may_look_at_runs
from infra_cdk.storage import EXPORTS, PREFIX, UPLOADS, Storage, may_delete

SWEEP_EVERY_MIN = 5


class Exports(Construct):
    """Moments as full-resolution frames and clips in one ZIP."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        scenarios_api: Function,
        storage: Storage,
        inference: Inference,
        bus: events.IEventBus,
        missed_ticks: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self._house, self._bucket, self._bus = house, storage.media, bus
        # 3008 MB are 1.7 vCPU: decoding takes what it gets.
        self.write_export = self._function(
            "WriteExport",
            "write_export",
            "Decodes frames and clips into an export's archive, for up to eight minutes",
            memory_mb=3008,
            timeout_s=720,
            decodes=True,
        )
        inference.admit(self.write_export)
        self.write_export.set(SIGHTLINE_IMAGE_MODEL=house.stage.image_model)
        self.fail_export = self._function("FailExport", "fail_export", "Says on the export why it failed")
        steps = export_states.Steps(
            write_export=self.write_export.lambda_function.function_arn,
            fail_export=self.fail_export.lambda_function.function_arn,
        )
        self.machine = machine(self, "Export", export_states.export(steps=steps), stage=house.stage)
        let_call(self.machine, self.write_export, self.fail_export)
        self.sweep_exports = self._function(
            "SweepExports",
            "sweep_exports",
            "Re-drives exports that were lost on the way and removes those whose time is over",
            timeout_s=120,
            dead_letters=missed_ticks,
        )
        every(self, "Sweep", self.sweep_exports, minutes=SWEEP_EVERY_MIN)
        self._grant(scenarios_api)
        api.route(
            scenarios_api,
            Route(path="/v1/exports", methods=(GET, POST)),
            Route(path="/v1/exports/{proxy+}", methods=(GET, POST, DELETE)),
        )

    def _grant(self, scenarios_api: Function) -> None:
        uploads, exports = self._bucket.arn_for_objects(UPLOADS), self._bucket.arn_for_objects(EXPORTS)
        self.write_export.allow("s3:GetObject", "s3:GetObjectVersion", on=uploads, why=PREFIX)
        self.write_export.allow("s3:PutObject", "s3:GetObject", on=exports, why=PREFIX)
        scenarios_api.allow("s3:GetObject", on=exports, why=PREFIX)
        for function in (self.write_export, self.fail_export, self.sweep_exports, scenarios_api):
            function.allow("s3:AbortMultipartUpload", on=exports, why=PREFIX)
        for function in (self.write_export, self.sweep_exports, scenarios_api):
            may_delete(function, bucket=self._bucket, prefixes=(EXPORTS,))
        for function in (self.write_export, self.fail_export, self.sweep_exports):
            function.set(SIGHTLINE_EVENT_BUS_NAME=self._bus.event_bus_name)
            function.allow("events:PutEvents", on=self._bus.event_bus_arn)
        for function in (self.sweep_exports, scenarios_api):
            function.set(SIGHTLINE_EXPORT_MACHINE_ARN=self.machine.state_machine_arn)
            function.allow("states:StartExecution", on=self.machine.state_machine_arn)
        may_look_at_runs(self.sweep_exports, self.machine)

    def _function(self, construct_id: str, name: str, description: str, **sizes: Unpack[Sizes]) -> Function:
        return database_function(
            self,
            construct_id,
            name,
            description,
            house=self._house,
            bucket=self._bucket,
            **(Sizes(timeout_s=60) | sizes),
        )
