"""Runbooks and the copilot: two queues, the function that reads files and the one that answers."""

from aws_cdk import Stack
from constructs import Construct

from infra_cdk.api import DELETE, GET, POST, Api, Route
from infra_cdk.functions import Function, House, database_function
from infra_cdk.imports import import_arns, import_places, may_read_sources
from infra_cdk.inference import Inference
from infra_cdk.queues import WorkQueue
from infra_cdk.storage import Storage
from infra_cdk.writing import may_write

READ_TIMEOUT_S = 600
"""Ten thousand sentences in a minute or so; one that is cut off goes on where it was."""
READ_AGAIN_AFTER_S = 900
"""Of a reading whose function was killed: longer than it may run. One that failed comes again after 30 s."""
ANSWER_TIMEOUT_S = 60


class Runbooks(Construct):
    """Markdown in, cited answers out."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        incidents_api: Function,
        storage: Storage,
        inference: Inference,
    ) -> None:
        super().__init__(scope, construct_id)
        self.readings = WorkQueue(
            self, "Readings", consumer_timeout_s=READ_TIMEOUT_S, again_after_s=READ_AGAIN_AFTER_S
        )
        self.questions = WorkQueue(self, "Questions", consumer_timeout_s=ANSWER_TIMEOUT_S)
        self.ingest_runbooks = database_function(
            self,
            "IngestRunbooks",
            "ingest_runbooks",
            "Reads files, ZIPs and buckets into runbooks",
            house=house,
            bucket=storage.media,
            memory_mb=1024,
            timeout_s=READ_TIMEOUT_S,
        )
        self.answer_question = database_function(
            self,
            "AnswerQuestion",
            "answer_question",
            "Answers questions from runbooks",
            house=house,
            memory_mb=1024,
            timeout_s=ANSWER_TIMEOUT_S,
        )
        self.ingest_runbooks.set(SIGHTLINE_RUNBOOK_QUEUE_URL=self.readings.queue.queue_url)
        self._buckets(house, storage, incidents_api)
        # One at a time: a large reading or a slow writer holds nobody else up.
        self.readings.feed(self.ingest_runbooks, batch_size=1)
        self.questions.feed(self.answer_question, batch_size=1)
        for function in (self.ingest_runbooks, self.answer_question):
            inference.admit(function)
        may_write(self.answer_question, stage=house.stage)
        incidents_api.set(
            SIGHTLINE_RUNBOOK_QUEUE_URL=self.readings.queue.queue_url,
            SIGHTLINE_QUESTION_QUEUE_URL=self.questions.queue.queue_url,
        )
        incidents_api.allow(
            "sqs:SendMessage", on=[self.readings.queue.queue_arn, self.questions.queue.queue_arn]
        )
        api.route(
            incidents_api,
            Route(path="/v1/runbooks", methods=(GET, POST)),
            Route(path="/v1/runbooks/{proxy+}", methods=(GET, DELETE)),
            Route(path="/v1/runbook-ingests/{proxy+}", methods=(GET,)),
            Route(path="/v1/copilot", methods=(POST,)),
            Route(path="/v1/copilot/{proxy+}", methods=(GET, POST)),
            Route(path="/v1/copilot-feedback", methods=(GET,)),
        )

    def _buckets(self, house: House, storage: Storage, incidents_api: Function) -> None:
        """Where imports may read, runbooks may be read."""
        self.ingest_runbooks.allow("s3:ListBucket", on=import_arns(Stack.of(self), house.stage, storage))
        may_read_sources(self.ingest_runbooks, stage=house.stage, storage=storage)
        incidents_api.set(
            SIGHTLINE_IMPORT_BUCKETS=",".join(import_places(house.stage, storage)),
            SIGHTLINE_MEDIA_BUCKET=storage.media.bucket_name,
        )
