"""A queue with the function that works it off and the queue where what never works ends."""

from aws_cdk import Duration
from aws_cdk import aws_lambda_event_sources as sources
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra_cdk.functions import Function

MAX_RECEIVES = 5
BATCH_SIZE = 10


class WorkQueue(Construct):
    """Encrypted, TLS only; a message that failed five times waits fourteen days for a person."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        consumer_timeout_s: int,
        keeper_timeout_s: int | None = None,
        again_after_s: int | None = None,
    ) -> None:
        super().__init__(scope, construct_id)
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            enforce_ssl=True,
            retention_period=Duration.days(14),
            visibility_timeout=Duration.seconds(6 * keeper_timeout_s) if keeper_timeout_s else None,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            enforce_ssl=True,
            # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html: six times the timeout,
            # so that a throttled batch is not seen twice; less where waiting is worse than that.
            visibility_timeout=Duration.seconds(again_after_s or 6 * consumer_timeout_s),
            retention_period=Duration.days(4),
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=MAX_RECEIVES),
        )

    def feed(self, function: Function, *, batch_size: int = BATCH_SIZE) -> None:
        """Calls the function with batches; it names the messages that failed."""
        _feed(self.queue, function, batch_size)

    def bury(self, function: Function) -> None:
        """Calls the function with each dead letter; what it cannot keep stays for a person."""
        _feed(self.dead_letters, function, 1)


def _feed(queue: sqs.Queue, function: Function, batch_size: int) -> None:
    function.lambda_function.add_event_source(
        sources.SqsEventSource(queue, batch_size=batch_size, report_batch_item_failures=True)
    )
