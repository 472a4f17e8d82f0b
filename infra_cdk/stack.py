"""One stage of Sightline as one stack."""

from aws_cdk import CfnOutput, Stack, Tags
from constructs import Construct

from infra_cdk.acceptance import accept
from infra_cdk.accounts import Accounts
from infra_cdk.database import Database
from infra_cdk.event_intake import EventIntake
from infra_cdk.exports import Exports
from infra_cdk.functions import Function, House
from infra_cdk.imports import Imports
from infra_cdk.incidents import Incidents
from infra_cdk.inference import Inference
from infra_cdk.layers import Layers
from infra_cdk.media import Media
from infra_cdk.metrics import Watched
from infra_cdk.migrations import Migrations
from infra_cdk.model_store import ModelStore
from infra_cdk.network import Network
from infra_cdk.notices import Notices
from infra_cdk.operations import Operations
from infra_cdk.outgoing import Outgoing
from infra_cdk.queues import WorkQueue
from infra_cdk.runbooks import Runbooks
from infra_cdk.scenarios import Scenarios
from infra_cdk.search_actions import SearchActions
from infra_cdk.stages import Stage
from infra_cdk.standing import Standing
from infra_cdk.storage import Storage
from infra_cdk.summaries import Summaries


class SightlineStack(Stack):
    """Everything a stage needs, from the network to the alarms."""

    def __init__(self, scope: Construct, *, stage: Stage, bundle: bool) -> None:
        super().__init__(
            scope,
            stage.stack_name,
            description=f"Sightline ({stage.name}): media and alerts into vectors, and five jobs on top",
            termination_protection=stage.keep_data,
        )
        network = Network(self, "Network", stage=stage)
        self.database = Database(self, "Database", stage=stage, network=network)
        self.storage = Storage(self, "Storage", stage=stage)
        self.model_store = ModelStore(self, "Models", stage=stage, access_log=self.storage.access_log)
        self.inference = Inference(self, "Inference", stage=stage, model_store=self.model_store)
        house = House(stage=stage, database=self.database, layers=Layers(self, "Layers", bundle=bundle))
        self.migrations = Migrations(self, "Migrations", house=house)
        self.accounts = Accounts(self, "Accounts", house=house)
        self.media = Media(
            self, "Media", house=house, api=self.accounts.api, storage=self.storage, inference=self.inference
        )
        self.scenarios = Scenarios(
            self,
            "Scenarios",
            house=house,
            api=self.accounts.api,
            storage=self.storage,
            inference=self.inference,
            missed_ticks=self.media.missed_ticks,
        )
        self.outgoing = Outgoing(self, "Outgoing", house=house, api=self.accounts.api)
        self.standing = Standing(
            self,
            "Standing",
            house=house,
            api=self.accounts.api,
            scenarios_api=self.scenarios.scenarios_api,
            inference=self.inference,
            outgoing=self.outgoing,
            bus=self.media.bus,
        )
        self.search_actions = SearchActions(
            self,
            "SearchActions",
            house=house,
            api=self.accounts.api,
            scenarios_api=self.scenarios.scenarios_api,
            media=self.media,
        )
        self.exports = Exports(
            self,
            "Exports",
            house=house,
            api=self.accounts.api,
            scenarios_api=self.scenarios.scenarios_api,
            storage=self.storage,
            inference=self.inference,
            bus=self.media.bus,
            missed_ticks=self.media.missed_ticks,
        )
        self.incidents = Incidents(
            self,
            "Incidents",
            house=house,
            api=self.accounts.api,
            storage=self.storage,
            inference=self.inference,
            bus=self.media.bus,
            missed_ticks=self.media.missed_ticks,
        )
        self.notices = Notices(
            self,
            "Notices",
            house=house,
            api=self.accounts.api,
            outgoing=self.outgoing,
            bus=self.media.bus,
            missed_ticks=self.media.missed_ticks,
        )
        self.runbooks = Runbooks(
            self,
            "Runbooks",
            house=house,
            api=self.accounts.api,
            incidents_api=self.incidents.incidents_api,
            storage=self.storage,
            inference=self.inference,
        )
        EventIntake(
            self,
            "EventIntake",
            stage=stage,
            deliveries=self.incidents.deliveries,
            claims=self.incidents.incidents_api,
        )
        self.summaries = Summaries(
            self,
            "Summaries",
            house=house,
            api=self.accounts.api,
            incidents_api=self.incidents.incidents_api,
            bus=self.media.bus,
        )
        self.imports = Imports(
            self,
            "Imports",
            house=house,
            api=self.accounts.api,
            media_api=self.media.media_api,
            sweep_assets=self.media.sweep_assets,
            storage=self.storage,
            bus=self.media.bus,
        )
        self._migrate_first()
        self.operations = Operations(self, "Operations", stage=stage, watched=self._watched())
        accept(
            self,
            "AwsSolutions-L1",
            "Python 3.13 is the newest that the layers and the local runtime client both support.",
        )
        # The proxy's target group takes no tags.
        Tags.of(self).add(
            "sightline:stage", stage.name, exclude_resource_types=["AWS::RDS::DBProxyTargetGroup"]
        )
        self._outputs()

    @property
    def functions(self) -> list[Function]:
        return [found for found in self.node.find_all() if isinstance(found, Function)]

    def _migrate_first(self) -> None:
        """New code takes its first request on the schema it was written for."""
        for function in self.functions:
            if function is not self.migrations.migrate:
                function.lambda_function.node.add_dependency(self.migrations.applied)

    @property
    def _queues(self) -> dict[str, WorkQueue]:
        """Every work queue, by the name its addresses are told under."""
        return {
            "Uploads": self.media.uploads,
            "Purge": self.media.purges,
            "Admission": self.media.admissions,
            "Webhook": self.outgoing.deliveries,
            "Training": self.standing.trainings,
            "Application": self.standing.applications,
            "Match": self.standing.matches,
            "Action": self.search_actions.actions,
            "Alert": self.incidents.deliveries,
            "Notice": self.notices.messages,
            "Runbook": self.runbooks.readings,
            "Question": self.runbooks.questions,
            "Summary": self.summaries.requests,
        }

    def _watched(self) -> Watched:
        media, queues = self.media, self._queues.values()
        return Watched(
            functions=self.functions,
            work_queues=[work.queue for work in queues],
            dead_letters=[*(work.dead_letters for work in queues), media.missed_ticks],
            last_resorts=[self.incidents.keep_dead_letters],
            machines=[
                media.pipeline.machine,
                media.pipeline.batch_machine,
                self.exports.machine,
                self.imports.machine,
            ],
            http=self.accounts.api.http,
            inference=self.inference,
            database=self.database,
        )

    def _outputs(self) -> None:
        media, accounts = self.media, self.accounts
        outputs = {
            "ApiUrl": accounts.api.url,
            "MediaBucketName": self.storage.media.bucket_name,
            "UserPoolId": accounts.identity.pool.user_pool_id,
            "UserPoolClientId": accounts.identity.client.user_pool_client_id,
            "EndpointName": self.inference.name,
            "ModelStore": self.model_store.address,
            "StateMachineArn": media.pipeline.machine.state_machine_arn,
            "BatchStateMachineArn": media.pipeline.batch_machine.state_machine_arn,
            "DropBucketName": self.storage.drop.bucket_name,
            "ImportListRoleArn": self.imports.list_import.role.role_arn,
            "ImportReadRoleArn": self.imports.fetch_objects.role.role_arn,
            "ImportMachineArn": self.imports.machine.state_machine_arn,
            "ExportMachineArn": self.exports.machine.state_machine_arn,
            "EventBusName": media.bus.event_bus_name,
            "DatabaseSecretArn": self.database.app_secret.secret_arn,
            "MigrateFunctionName": self.migrations.migrate.lambda_function.function_name,
        }
        for name, work in self._queues.items():
            outputs |= {f"{name}QueueUrl": work.queue.queue_url, f"{name}DlqUrl": work.dead_letters.queue_url}
        for name, value in outputs.items():
            CfnOutput(self, name, value=value).override_logical_id(name)
