"""What routes get for a port they name (see sightline.http.port); each is made when first asked for."""

from collections.abc import Callable, Mapping
from typing import Any

from sightline import wiring
from sightline.contracts.intake import SourceKeys
from sightline.ports.identity import Identity
from sightline.ports.inference import Classifier, DocumentEmbedder, Embedder, EntityTagger
from sightline.ports.objects import Blobs
from sightline.ports.outgoing import ChannelVault, Vault, WebhookSender
from sightline.ports.work import (
    ActionQueue,
    ApplicationQueue,
    DelayedQueue,
    DeliveryQueue,
    Events,
    ExportRuns,
    ImportRuns,
    NoticeQueue,
    Pause,
    Pipeline,
    QuestionQueue,
    Queue,
    RunbookQueue,
    SummaryQueue,
    TrainingQueue,
)


def scenario_ports() -> Mapping[Any, Callable[[], Any]]:
    """PORTS, and taught concepts beside them: those stand on numpy, which other functions need not load."""
    from sightline.scenarios.concepts.source import KeptConcepts
    from sightline.scenarios.legs import ConceptSource

    return {**PORTS, ConceptSource: KeptConcepts}


PORTS: Mapping[Any, Callable[[], Any]] = {
    Identity: wiring.identity,
    Embedder: wiring.embedder,
    DocumentEmbedder: wiring.document_embedder,
    EntityTagger: wiring.entity_tagger,
    Classifier: wiring.classifier,
    Blobs: wiring.blobs,
    Queue: wiring.purges,
    ActionQueue: wiring.actions,
    TrainingQueue: wiring.trainings,
    ApplicationQueue: wiring.applications,
    DelayedQueue: wiring.deliveries,
    DeliveryQueue: wiring.alert_deliveries,
    RunbookQueue: wiring.runbook_readings,
    QuestionQueue: wiring.questions,
    Pause: wiring.pause,
    SummaryQueue: wiring.summary_requests,
    Events: wiring.events,
    SourceKeys: wiring.source_keys,
    Vault: wiring.vault,
    WebhookSender: wiring.webhook_sender,
    NoticeQueue: wiring.notices,
    ChannelVault: wiring.channel_vault,
    Pipeline: wiring.media_pipeline,
    ExportRuns: wiring.export_runs,
    ImportRuns: wiring.import_runs,
}
