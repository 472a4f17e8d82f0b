"""Everything in which one stage differs from another, as data."""

from dataclasses import dataclass
from typing import Literal

OWN_ACCOUNT = "own"
"""Of Stage.event_origins: the account that the stage is deployed in."""


@dataclass(frozen=True, kw_only=True)
class ServerlessEndpoint:
    """A SageMaker serverless endpoint: CPU, costs nothing while idle, takes payloads of up to 4 MB."""

    memory_mb: int
    max_concurrency: int


@dataclass(frozen=True, kw_only=True)
class InstanceEndpoint:
    """A SageMaker real-time endpoint that scales out and back in between two instance counts."""

    instance_type: str
    min_instances: int
    max_instances: int
    requests_per_instance: int
    """Concurrent requests one instance is meant to carry before another is started."""
    ami: str | None = None
    """The instance's system and driver: the GPU image's torch is built for CUDA 13, which wants 580."""


@dataclass(frozen=True, kw_only=True)
class Database:
    """Aurora Serverless v2 limits, in Aurora capacity units (2 GiB of memory each)."""

    min_acu: float
    max_acu: float
    readers: int
    proxy: bool
    backup_days: int
    pause_after_min: int | None = None
    """Minutes without a connection after which the cluster pauses; only with min_acu 0."""


@dataclass(frozen=True, kw_only=True)
class GoogleSignIn:
    """Google as a second way to sign in; the client's secret lies in Secrets Manager under `secret_name`."""

    client_id: str
    secret_name: str
    domain_prefix: str
    callback_urls: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One deployable copy of the platform."""

    name: str
    keep_data: bool
    """Whether deleting the stack leaves the bucket, the database and the user pool behind."""
    database: Database
    endpoint: ServerlessEndpoint | InstanceEndpoint
    image: Literal["cpu", "gpu"]
    """Which of the two container images runs: the tags of both begin with this (docs/deploy.md)."""
    image_model: str
    web_origins: tuple[str, ...]
    requests_per_s: int
    request_burst: int
    log_days: int
    flow_logs: bool
    pipeline_concurrency: int
    """Batches of 200 sheets that one video has in work at a time."""
    runs_at_once: int
    """Videos that are indexed at a time; the others wait their turn."""
    embeds_at_once: int | None = None
    """Sheets that are embedded at a time in the whole stage (reserved concurrency of the function), where the
    account's Lambda concurrency leaves room for a reservation: a new account's does not."""
    import_buckets: tuple[str, ...] = ()
    """Buckets that imports may read beside the drop bucket: bucket[/prefix][@workspace]. The stage's
    roles get the right to read; a bucket of another account must also let them."""
    import_keys: tuple[str, ...] = ()
    """ARNs of the KMS keys that those buckets are encrypted with: the roles may have S3 decrypt by them."""
    event_origins: tuple[str, ...] = ()
    """Whose EventBridge events sources may claim: accounts (`own` is this one) or partners' event sources,
    each for all workspaces or for one: origin[@workspace]."""
    writer: str = "extractive"
    """Who writes summaries and answers: `extractive` (no model), `bedrock/<model>` or `anthropic/<model>`."""
    writer_secret_name: str | None = None
    """Secrets Manager secret {"api_key": ...} of Anthropic's API, where that writes."""
    alarm_email: str | None = None
    sentry_dsn: str | None = None
    """Where unexpected failures of the functions are reported to, without payloads (docs/settings.md)."""
    mail_from: str | None = None
    """What notifications are mailed from: an address that SES has verified, or of a domain that it has."""
    console_url: str | None = None
    """Where people look at incidents; notifications link there."""
    google: GoogleSignIn | None = None

    @property
    def stack_name(self) -> str:
        return f"Sightline-{self.name}"


DEV = Stage(
    name="dev",
    keep_data=False,
    database=Database(min_acu=0, max_acu=2, readers=0, proxy=False, backup_days=1, pause_after_min=5),
    # As many as one video's sheets in work: 2 batches of 8 chunks with 4 sheets each (media_states.py).
    endpoint=ServerlessEndpoint(memory_mb=3072, max_concurrency=64),
    image="cpu",
    image_model="scenes-rn-128e",
    web_origins=("*",),
    requests_per_s=200,
    request_burst=400,
    log_days=7,
    flow_logs=False,
    pipeline_concurrency=2,
    runs_at_once=8,
    event_origins=(OWN_ACCOUNT,),
)

PROD = Stage(
    name="prod",
    keep_data=True,
    database=Database(min_acu=0.5, max_acu=16, readers=1, proxy=True, backup_days=14),
    endpoint=InstanceEndpoint(
        instance_type="ml.g5.xlarge",
        min_instances=1,
        max_instances=4,
        requests_per_instance=8,
        # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ProductionVariant.html
        ami="al2023-ami-sagemaker-inference-gpu-4-1",
    ),
    image="gpu",
    # The bundled model knows rendered scenes; an instance with a GPU is for one that knows the world.
    image_model="ViT-B-32/laion2b_s34b_b79k",
    web_origins=("https://console.example.com",),
    # Yours: an address that SES has verified, and where people look at incidents.
    mail_from="incidents@example.com",
    console_url="https://console.example.com",
    requests_per_s=500,
    request_burst=1000,
    log_days=90,
    flow_logs=True,
    pipeline_concurrency=2,
    runs_at_once=32,
    # As many as the endpoint takes at its largest: 4 instances of 8.
    embeds_at_once=32,
)

STAGES = {stage.name: stage for stage in (DEV, PROD)}
