"""Acting on all results of a search: the queue, and the function that works it off."""

from constructs import Construct

from infra_cdk.api import DELETE, GET, Api, Route
from infra_cdk.functions import Function, House
from infra_cdk.media import Media
from infra_cdk.queues import WorkQueue

ACT_TIMEOUT_S = 300


class SearchActions(Construct):
    """Jobs that tag or delete what a search found, a piece at a time."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        house: House,
        api: Api,
        scenarios_api: Function,
        media: Media,
    ) -> None:
        super().__init__(scope, construct_id)
        self.actions = WorkQueue(self, "Actions", consumer_timeout_s=ACT_TIMEOUT_S)
        self.act_on_results = Function(
            self,
            "ActOnResults",
            house=house,
            name="act_on_results",
            description="Tags, untags or deletes the videos that hold a search's results",
            timeout_s=ACT_TIMEOUT_S,
        )
        self.act_on_results.use_database()
        self.act_on_results.set(SIGHTLINE_PURGE_QUEUE_URL=media.purges.queue.queue_url)
        self.act_on_results.allow("sqs:SendMessage", on=media.purges.queue.queue_arn)
        # It hands on what it could not finish in time.
        for function in (scenarios_api, self.act_on_results):
            function.set(SIGHTLINE_ACTION_QUEUE_URL=self.actions.queue.queue_url)
            function.allow("sqs:SendMessage", on=self.actions.queue.queue_arn)
        self.actions.feed(self.act_on_results)
        api.route(scenarios_api, Route(path="/v1/search-actions/{proxy+}", methods=(GET, DELETE)))
