"""The only place that knows which provider stands behind a port; each is imported when first asked for."""

import time
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from sightline.contracts.intake import SourceKeys
from sightline.ports.identity import Identity, TokenVerifier
from sightline.ports.inference import Classifier, DocumentEmbedder, Embedder, EntityTagger, TimedEmbedder
from sightline.ports.objects import Blobs, Sources
from sightline.ports.outgoing import ChannelVault, Mailer, Pages, Vault, WebhookSender
from sightline.ports.work import (
    Events,
    Pause,
)
from sightline.ports.writing import Writer
from sightline.settings import get_settings

if TYPE_CHECKING:
    from functools import _lru_cache_wrapper

    from sightline.incidents.judging import Judges
    from sightline.incidents.triage import Triage
    from sightline.incidents.writing import Writers
    from sightline.providers.circuit import Circuit
    from sightline.providers.sqs import SqsQueue, SqsRedelivery
    from sightline.providers.stepfunctions import StateMachine
    from sightline.settings import Settings

SLACK_ANSWER_BYTES = 1024 * 1024


@cache
def identity() -> Identity:
    """Accounts and sign-in."""
    from sightline.providers.cognito import CognitoIdentity

    return CognitoIdentity(client_id=get_settings().user_pool_client_id)


@cache
def token_verifier() -> TokenVerifier:
    """Whose access token this is."""
    from sightline.providers.cognito_tokens import CognitoTokens

    settings = get_settings()
    return CognitoTokens(
        pool_id=settings.user_pool_id,
        client_id=settings.user_pool_client_id,
        keys_base_url=settings.cognito_url,
    )


@cache
def embedder() -> Embedder:
    """Vectors of texts and contact sheets."""
    from sightline.providers.sagemaker import SageMakerEmbedder

    settings = get_settings()
    return SageMakerEmbedder(endpoint_name=settings.endpoint_name, model=settings.image_model)


@cache
def document_embedder() -> DocumentEmbedder:
    """Vectors of longer texts."""
    from sightline.providers.sagemaker import SageMakerEmbedder

    settings = get_settings()
    return SageMakerEmbedder(
        endpoint_name=settings.endpoint_name, model=settings.document_model, task="embed_document"
    )


@cache
def alert_circuit() -> "Circuit":
    """Of all that judges alerts: what hangs for one hangs for the others, and rules answer meanwhile."""
    from sightline.providers.circuit import Circuit, Limits

    return Circuit(Limits(silences=1))


@cache
def entity_tagger() -> EntityTagger:
    """What alert texts name."""
    from sightline.providers.sagemaker_texts import SageMakerTagger

    settings = get_settings()
    return SageMakerTagger(
        endpoint_name=settings.endpoint_name, model=settings.entity_model, circuit=alert_circuit()
    )


@cache
def classifier() -> Classifier:
    """What alert texts are about, and how bad it is."""
    from sightline.providers.sagemaker_texts import SageMakerClassifier

    settings = get_settings()
    return SageMakerClassifier(
        endpoint_name=settings.endpoint_name, model=settings.class_model, circuit=alert_circuit()
    )


@cache
def alert_embedder() -> TimedEmbedder:
    """Vectors of alerts."""
    from sightline.providers.sagemaker import ALERTS, SageMakerEmbedder

    settings = get_settings()
    return SageMakerEmbedder(
        endpoint_name=settings.endpoint_name,
        model=settings.document_model,
        task="embed_document",
        patience=ALERTS,
        circuit=alert_circuit(),
    )


@cache
def writer() -> Writer:
    """Who writes summaries and answers."""
    provider, _, model = get_settings().writer.partition("/")
    if provider == "bedrock":
        from sightline.providers.writer_bedrock import bedrock_writer

        return bedrock_writer(model)
    if provider == "anthropic":
        from sightline.database import read_secret
        from sightline.providers.writer_anthropic import AnthropicCalls, anthropic_writer

        secret_arn = get_settings().writer_secret_arn
        return anthropic_writer(AnthropicCalls(model, lambda: str(read_secret(secret_arn)["api_key"])))
    from sightline.providers.writer_extractive import ExtractiveWriter

    return ExtractiveWriter()


@cache
def writers() -> "Writers":
    """The chosen writer, and the one that stands in for it."""
    from sightline.incidents.writing import Writers
    from sightline.providers.writer_extractive import ExtractiveWriter

    return Writers(chosen=writer(), spare=ExtractiveWriter())


@cache
def blobs() -> Blobs:
    """Uploads and contact sheets."""
    from sightline.providers.s3 import S3Blobs

    return S3Blobs(get_settings().media_bucket)


@cache
def events() -> Events:
    """What became of assets."""
    from sightline.providers.events import EventBridgeEvents

    return EventBridgeEvents(get_settings().event_bus_name)


def _queue(url: "Callable[[Settings], str]") -> "_lru_cache_wrapper[SqsQueue]":
    """A queue that this stage's settings name."""

    @cache
    def queue() -> "SqsQueue":
        from sightline.providers.sqs import SqsQueue

        return SqsQueue(url(get_settings()))

    return queue


def _runs(arn: "Callable[[Settings], str]") -> "_lru_cache_wrapper[StateMachine]":
    """Runs of a state machine that this stage's settings name."""

    @cache
    def runs() -> "StateMachine":
        from sightline.providers.stepfunctions import StateMachine

        return StateMachine(arn(get_settings()))

    return runs


purges = _queue(lambda settings: settings.purge_queue_url)
"""Deleted assets whose data must go."""
trainings = _queue(lambda settings: settings.training_queue_url)
"""Concepts to train."""
applications = _queue(lambda settings: settings.application_queue_url)
"""Concepts to apply to what is indexed."""
actions = _queue(lambda settings: settings.action_queue_url)
"""Work on all results of a search."""
deliveries = _queue(lambda settings: settings.delivery_queue_url)
"""Webhooks on their way."""
alert_deliveries = _queue(lambda settings: settings.alert_queue_url)
"""Deliveries of monitoring tools, to be read."""
runbook_readings = _queue(lambda settings: settings.runbook_queue_url)
"""Files to be read into runbooks."""
questions = _queue(lambda settings: settings.question_queue_url)
"""Questions to be answered from runbooks."""
summary_requests = _queue(lambda settings: settings.summary_queue_url)
"""Incidents to be summarised."""
notices = _queue(lambda settings: settings.notice_queue_url)
"""Messages about incidents, to be sent."""

media_pipeline = _runs(lambda settings: settings.state_machine_arn)
"""Runs that index a video."""
export_runs = _runs(lambda settings: settings.export_machine_arn)
"""Runs that write an export."""
import_runs = _runs(lambda settings: settings.import_machine_arn)
"""Runs that import."""


@cache
def runbook_redelivery() -> "SqsRedelivery":
    """Readings that failed."""
    from sightline.providers.sqs import SqsRedelivery

    return SqsRedelivery(get_settings().runbook_queue_url)


def pause() -> Pause:
    """A long poll's."""
    return time.sleep


@cache
def triage() -> "Triage":
    """Reads deliveries into alerts, and alerts into incidents."""
    from sightline.incidents.triage import Triage

    return Triage(blobs=blobs(), pages=sns_pages(), judges=judges(), events=events())


@cache
def judges() -> "Judges":
    """How bad alerts are, and what they name."""
    from sightline.incidents.judging import Judges

    return Judges(classifier=classifier(), tagger=entity_tagger(), embedder=alert_embedder())


@cache
def sns_pages() -> Pages:
    """What Amazon SNS serves."""
    from sightline.providers.intake import SnsPages

    return SnsPages()


@cache
def source_keys() -> SourceKeys:
    """Sources of alerts and their secrets."""
    from sightline.providers.ssm import SsmSourceKeys

    return SsmSourceKeys(get_settings().source_prefix)


@cache
def vault() -> Vault:
    """Secrets of webhooks."""
    from sightline.providers.kms import KmsVault

    return KmsVault(get_settings().webhook_key_arn)


@cache
def webhook_sender() -> WebhookSender:
    """Addresses that customers name."""
    from sightline.providers.webhook_sender import PinnedSender

    return PinnedSender(loopback=get_settings().webhook_loopback)


@cache
def channel_vault() -> ChannelVault:
    """Secrets of notification channels."""
    from sightline.providers.kms import KmsVault

    return KmsVault(get_settings().channel_key_arn)


@cache
def slack_sender() -> WebhookSender:
    """Slack, whose answers say what became of a message; a message comes back with them."""
    from sightline.providers.webhook_sender import PinnedSender

    return PinnedSender(loopback=get_settings().webhook_loopback, keep_bytes=SLACK_ANSWER_BYTES)


@cache
def mailer() -> Mailer:
    """Mail from the stage's own address."""
    from sightline.providers.ses import SesMailer

    return SesMailer(get_settings().mail_from)


@cache
def sources() -> Sources:
    """Buckets that videos and runbooks are imported from."""
    from sightline.providers.s3_sources import S3Sources

    return S3Sources(get_settings().media_bucket)
