"""Search over driving footage, and the vector indexes it needs."""

from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.api import POST, Api, Route
from infra_cdk.functions import Function, House
from infra_cdk.inference import Inference
from infra_cdk.media import every
from infra_cdk.storage import PREFIX, SHEETS, Storage

INDEX_EVERY_MIN = 15


class Scenarios(Construct):
    """A question in plain English in, ranked moments out."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        storage: Storage,
        inference: Inference,
        missed_ticks: sqs.IQueue,
    ) -> None:
        super().__init__(scope, construct_id)
        self.scenarios_api = Function(
            self,
            "ScenariosApi",
            house=house,
            name="scenarios_api",
            description="Answers questions with moments",
            memory_mb=1024,
            timeout_s=29,
        )
        self.scenarios_api.use_database()
        self.scenarios_api.set(
            SIGHTLINE_MEDIA_BUCKET=storage.media.bucket_name, SIGHTLINE_IMAGE_MODEL=house.stage.image_model
        )
        self.scenarios_api.allow("s3:GetObject", on=storage.media.arn_for_objects(SHEETS), why=PREFIX)
        inference.admit(self.scenarios_api)
        api.route(self.scenarios_api, Route(path="/v1/search", methods=(POST,)))
        self.index_vectors = Function(
            self,
            "IndexVectors",
            house=house,
            name="index_vectors",
            description="Builds missing vector indexes and repairs broken ones, without blocking writes",
            timeout_s=900,
            dead_letters=missed_ticks,
        )
        self.index_vectors.own_database()
        every(self, "Index", self.index_vectors, minutes=INDEX_EVERY_MIN)
