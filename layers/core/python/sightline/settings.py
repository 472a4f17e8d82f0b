"""Everything an operator can set, read from the environment through get_settings(), never at import."""

import os
from functools import cache

from pydantic import BaseModel, ConfigDict, Field, SecretStr

GIB = 1024**3
PREFIX = "SIGHTLINE_"


class Settings(BaseModel):
    """One field per environment variable: SIGHTLINE_ and the field's name in capitals.

    Not by pydantic-settings: every cold start would load its readers of files and command lines.
    """

    model_config = ConfigDict(frozen=True)

    stage: str = Field(default="dev", description="Which stage this is; it appears in logs and metrics.")
    database_url: SecretStr | None = Field(
        default=None, description="Application role's Postgres URL; takes the place of host and secret."
    )
    owner_database_url: SecretStr | None = Field(
        default=None, description="Owner role's Postgres URL, for migrations and index builds."
    )
    database_secret_arn: str = Field(
        default="", description="Secrets Manager secret with the application role's username and password."
    )
    owner_database_secret_arn: str = Field(
        default="", description="Secrets Manager secret with the owner role's username and password."
    )
    database_host: str = Field(default="", description="Postgres host: the cluster, or its proxy in prod.")
    database_port: int = Field(default=5432, description="Postgres port.")
    database_name: str = Field(default="sightline", description="Postgres database.")
    media_bucket: str = Field(default="", description="Bucket of uploads and contact sheets.")
    endpoint_name: str = Field(default="", description="SageMaker endpoint that embeds.")
    state_machine_arn: str = Field(default="", description="State machine that indexes a video.")
    event_bus_name: str = Field(default="", description="EventBridge bus of asset events.")
    purge_queue_url: str = Field(default="", description="SQS queue of assets whose data must be deleted.")
    delivery_queue_url: str = Field(default="", description="SQS queue of webhooks to deliver.")
    alert_queue_url: str = Field(default="", description="SQS queue of deliveries of monitoring tools.")
    runbook_queue_url: str = Field(default="", description="SQS queue of files to read into runbooks.")
    question_queue_url: str = Field(default="", description="SQS queue of questions to answer from runbooks.")
    event_origins: str = Field(
        default="",
        description="Whose EventBridge events sources may claim, by commas: account or partner[@workspace].",
    )
    summary_queue_url: str = Field(default="", description="SQS queue of incidents to be summarised.")
    source_prefix: str = Field(default="", description="SSM path under which sources of alerts are kept.")
    training_queue_url: str = Field(default="", description="SQS queue of concepts to train.")
    application_queue_url: str = Field(
        default="", description="SQS queue of concepts to apply to what is indexed."
    )
    webhook_key_arn: str = Field(default="", description="KMS key that seals the secrets of webhooks.")
    notice_queue_url: str = Field(
        default="", description="SQS queue of messages about incidents, to be sent."
    )
    channel_key_arn: str = Field(
        default="", description="KMS key that seals the secrets of notification channels."
    )
    mail_from: str = Field(
        default="", description="Address that notifications are mailed from, verified in SES; empty: no mail."
    )
    console_url: str = Field(
        default="", description="Where people look at incidents: notifications link there when it is set."
    )
    webhook_loopback: bool = Field(
        default=False, description="Webhooks may go to this machine, by plain http too: local stages only."
    )
    action_queue_url: str = Field(default="", description="SQS queue of work on all results of a search.")
    user_pool_id: str = Field(default="", description="Cognito user pool.")
    user_pool_client_id: str = Field(default="", description="App client of the user pool.")
    cognito_url: str = Field(
        default="", description="Where the signing keys are served, if not at AWS: the emulator."
    )
    image_model: str = Field(default="scenes-rn-128e", description="Model that embeds frames and questions.")
    document_model: str = Field(
        default="all-minilm-l6-v2", description="Model that embeds longer texts: alerts and runbooks."
    )
    entity_model: str = Field(default="alert-entities", description="Model that finds what alerts name.")
    class_model: str = Field(default="alert-classes", description="Model that judges alerts.")
    writer: str = Field(
        default="extractive",
        pattern=r"^(extractive|(bedrock|anthropic)/.+)$",
        description="Who writes summaries and answers: extractive, bedrock/<model> or anthropic/<model>.",
    )
    writer_secret_arn: str = Field(
        default="", description="Secrets Manager secret with the api_key of the writer, where it needs one."
    )
    sentry_dsn: SecretStr | None = Field(
        default=None, description="Reports unexpected failures to Sentry, without payloads, when set."
    )
    upload_expires_s: int = Field(default=3600, description="Life of a signed upload address, in seconds.")
    download_expires_s: int = Field(default=3600, description="Life of a signed download address, in s.")
    upload_deadline_s: int = Field(
        default=7 * 86_400, description="An upload not finished after this many seconds expires."
    )
    decode_threads: int = Field(
        default=2, ge=1, le=16, description="Threads that decode one stretch of a video together."
    )
    max_upload_bytes: int = Field(default=50 * GIB, description="Largest video accepted, in bytes.")
    default_interval_s: float = Field(default=1.0, description="Seconds between sampled frames by default.")
    exact_search_rows: int = Field(
        default=5000, description="Search exactly while the filter leaves at most this many frames."
    )
    index_min_rows: int = Field(
        default=10_000, description="A model's table is indexed (HNSW) once it holds more frames than this."
    )
    index_memory_mib: int = Field(
        default=512,
        description="Most memory an index build may take; a graph that does not fit builds slowly.",
    )
    answers_kept_s: int = Field(
        default=3600, description="Seconds that an answer is given again while no video has changed."
    )
    question_vectors_kept_s: int = Field(
        default=7 * 86_400, description="Seconds that a question's vector is kept for any process to use."
    )
    export_machine_arn: str = Field(default="", description="State machine that writes an export.")
    export_turn_s: float = Field(
        default=480, description="Seconds that one call writes on an export before the next call goes on."
    )
    export_keep_days: int = Field(default=7, description="Days after which a finished export is removed.")
    notification_keep_days: int = Field(
        default=90, description="Days that what was told of an incident stays after the incident is over."
    )
    search_rate_per_minute: int = Field(default=120, description="Searches per principal and minute.")
    import_buckets: str = Field(
        default="",
        description="Where imports may read, by commas: bucket[/prefix][@workspace]; docs/imports.md.",
    )
    import_machine_arn: str = Field(default="", description="State machine that imports.")
    runs_at_once: int = Field(
        default=0, description="Videos indexed at a time in the whole stage; the others wait. 0: no limit."
    )
    import_rate_per_minute: int = Field(default=30, description="Imports begun per principal and minute.")
    export_rate_per_minute: int = Field(default=30, description="Exports begun per principal and minute.")
    write_rate_per_minute: int = Field(
        default=600, description="Uploads begun, completed or re-driven, per principal and minute."
    )
    auth_rate_per_minute: int = Field(
        default=60, description="Calls of /v1/auth per source address and minute."
    )
    api_key_rate_per_minute: int = Field(default=30, description="API keys created per principal and minute.")


@cache
def get_settings() -> Settings:
    """The settings of this process."""
    given = {name: os.environ.get(PREFIX + name.upper()) for name in Settings.model_fields}
    return Settings.model_validate({name: value for name, value in given.items() if value is not None})
