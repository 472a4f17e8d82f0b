"""Outgoing webhooks: the key that seals their secrets, the queue, the function that sends."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra_cdk.api import DELETE, GET, PATCH, POST, Api, Route
from infra_cdk.functions import Function, House
from infra_cdk.queues import WorkQueue

# Five attempts of 15 s one after the other, and time to write down what came of them.
SEND_TIMEOUT_S, SEND_AT_ONCE = 100, 5


class Outgoing(Construct):
    """Who is told of what, by signed messages."""

    def __init__(self, scope: Construct, construct_id: str, *, house: House, api: Api) -> None:
        super().__init__(scope, construct_id)
        self.key = kms.Key(
            self,
            "Secrets",
            description=f"Seals the secrets of outgoing webhooks ({house.stage.name})",
            enable_key_rotation=True,
            removal_policy=RemovalPolicy.RETAIN if house.stage.keep_data else RemovalPolicy.DESTROY,
        )
        self.deliveries = WorkQueue(self, "WebhookDeliveries", consumer_timeout_s=SEND_TIMEOUT_S)
        self.outgoing_api = Function(
            self,
            "OutgoingApi",
            house=house,
            name="outgoing_api",
            description="Webhook endpoints and their deliveries",
            memory_mb=1024,
            timeout_s=29,
        )
        self.deliver_webhooks = Function(
            self,
            "DeliverWebhooks",
            house=house,
            name="deliver_webhooks",
            description="Sends webhooks, and again where that fails",
            timeout_s=SEND_TIMEOUT_S,
        )
        # One seals, the other unseals: who may register a receiver cannot read what others sign with.
        for function, action in ((self.outgoing_api, "kms:Encrypt"), (self.deliver_webhooks, "kms:Decrypt")):
            function.use_database()
            function.set(SIGHTLINE_WEBHOOK_KEY_ARN=self.key.key_arn)
            function.allow(action, on=self.key.key_arn)
            self.may_hand_over(function)
        self.deliveries.feed(self.deliver_webhooks, batch_size=SEND_AT_ONCE)
        api.route(
            self.outgoing_api,
            Route(path="/v1/webhook-endpoints", methods=(GET, POST)),
            Route(path="/v1/webhook-endpoints/{proxy+}", methods=(GET, POST, PATCH, DELETE)),
            Route(path="/v1/webhook-deliveries/{proxy+}", methods=(GET, POST)),
        )

    def may_hand_over(self, function: Function) -> None:
        """Lets a function queue webhooks."""
        function.set(SIGHTLINE_DELIVERY_QUEUE_URL=self.deliveries.queue.queue_url)
        function.allow("sqs:SendMessage", on=self.deliveries.queue.queue_arn)
