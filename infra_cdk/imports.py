"""Imports: a bucket to drop files into, and the machine that registers what lies there or in others."""

from typing import Unpack

from aws_cdk import Stack
from aws_cdk import aws_events as events
from constructs import Construct

from infra_cdk import import_states
from infra_cdk.api import GET, POST, Api, Route
from infra_cdk.functions import Function, House, Sizes, database_function
from infra_cdk.machines import let_call, machine
from infra_cdk.media import may_look_at_runs
from infra_cdk.stages import Stage
from infra_cdk.storage import PREFIX, UPLOADS, Storage

SOURCE = "Which objects a bucket holds is not known here; the stage names the buckets."
# As infra_cdk.stages: {workspace} is filled in by the API.
OWN_PREFIX = "{workspace}/"
THROUGH_S3 = {"StringLike": {"kms:ViaService": "s3.*.amazonaws.com"}}


def import_places(stage: Stage, storage: Storage) -> list[str]:
    """The drop bucket, where each workspace has its own prefix, and what the stage adds."""
    return [f"{storage.drop.bucket_name}/{OWN_PREFIX}", *stage.import_buckets]


def import_arns(stack: Stack, stage: Stage, storage: Storage) -> list[str]:
    """The same buckets, to be allowed."""
    names = [entry.partition("@")[0].partition("/")[0] for entry in stage.import_buckets]
    return [
        storage.drop.bucket_arn,
        *(
            stack.format_arn(service="s3", region="", account="", resource=name)
            for name in dict.fromkeys(names)
        ),
    ]


def may_read_sources(function: Function, *, stage: Stage, storage: Storage) -> None:
    """Their objects, which S3 decrypts for it by the keys that the stage names."""
    buckets = import_arns(Stack.of(function), stage, storage)
    function.allow("s3:GetObject", on=[f"{arn}/*" for arn in buckets], why=SOURCE)
    if stage.import_keys:
        function.allow("kms:Decrypt", on=stage.import_keys, where=THROUGH_S3)


class Imports(Construct):
    """Objects that are in S3 already, as videos."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        media_api: Function,
        sweep_assets: Function,
        storage: Storage,
        bus: events.IEventBus,
    ) -> None:
        super().__init__(scope, construct_id)
        self._house, self._storage, self._bus = house, storage, bus
        self.list_import = self._function(
            "ListImport",
            "list_import",
            "Lists the next page of an import, plans batches, ends it",
            timeout_s=60,
        )
        self.fetch_objects = self._function(
            "FetchObjects",
            "fetch_objects",
            "Registers a batch of objects and lets S3 copy them",
            timeout_s=900,
        )
        self.fail_import = self._function(
            "FailImport", "fail_import", "Says on the import why it failed", timeout_s=30
        )
        steps = import_states.Steps(
            list_import=self.list_import.lambda_function.function_arn,
            fetch_objects=self.fetch_objects.lambda_function.function_arn,
            fail_import=self.fail_import.lambda_function.function_arn,
        )
        self.machine = machine(self, "Import", import_states.import_(steps=steps), stage=house.stage)
        let_call(self.machine, self.list_import, self.fetch_objects, self.fail_import)
        self._may_read()
        for function in (media_api, sweep_assets):
            function.set(SIGHTLINE_IMPORT_MACHINE_ARN=self.machine.state_machine_arn)
            function.allow("states:StartExecution", on=self.machine.state_machine_arn)
        may_look_at_runs(sweep_assets, self.machine)
        media_api.set(SIGHTLINE_IMPORT_BUCKETS=",".join(import_places(house.stage, storage)))
        api.route(
            media_api,
            Route(path="/v1/imports", methods=(GET, POST)),
            Route(path="/v1/imports/{proxy+}", methods=(GET, POST)),
        )

    def _may_read(self) -> None:
        stage, storage = self._house.stage, self._storage
        self.list_import.allow("s3:ListBucket", on=import_arns(Stack.of(self), stage, storage))
        may_read_sources(self.fetch_objects, stage=stage, storage=storage)
        uploads = self._storage.media.arn_for_objects(UPLOADS)
        self.fetch_objects.allow(
            "s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", on=uploads, why=PREFIX
        )
        for function in (self.list_import, self.fail_import):
            function.set(SIGHTLINE_EVENT_BUS_NAME=self._bus.event_bus_name)
            function.allow("events:PutEvents", on=self._bus.event_bus_arn)

    def _function(self, construct_id: str, name: str, description: str, **sizes: Unpack[Sizes]) -> Function:
        return database_function(
            self, construct_id, name, description, house=self._house, bucket=self._storage.media, **sizes
        )
