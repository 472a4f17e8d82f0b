"""Everything an operator can set on the endpoint, read from the environment once, at start."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from gpu_endpoint.models.config import CONFIGS


class EndpointSettings(BaseSettings):
    """One field per environment variable: SIGHTLINE_ and the field's name in capitals."""

    model_config = SettingsConfigDict(env_prefix="SIGHTLINE_", frozen=True, extra="ignore")

    home: Path = Field(default=Path(".sightline"), description="State folder; built models lie in models/.")
    built: Path | None = Field(
        default=None, description="Folder of models that an image brings along, linked into the state folder."
    )
    image_model: str = Field(default="scenes-rn-128e", description="Model that embeds frames and questions.")
    image_model_file: Path | None = Field(
        default=None, description="Safetensors file of an open_clip model, in place of the hub."
    )
    model_configs: Path = Field(default=CONFIGS, description="Folder with one JSON file per known model.")
    endpoint_host: str = Field(default="127.0.0.1", description="Address the endpoint listens on.")
    endpoint_threads: int = Field(
        default=0, ge=0, description="Threads of the image model on a CPU; 0: one per core."
    )
    endpoint_max_batch: int = Field(default=32, ge=1, description="Items in one batch, across requests.")
    endpoint_max_tokens: int = Field(
        default=2048, ge=0, description="Tokens in one batch of texts, padded to its longest; 0: no bound."
    )
    endpoint_wait_s: float = Field(
        default=0.002,
        ge=0,
        le=1,
        description="How long a busy lane waits for one item more, in seconds.",
    )
    endpoint_max_queued: int = Field(
        default=4096,
        ge=64,
        description="Texts, windows of long ones or tiles that may wait; more are answered with 429, more of "
        "one request with 413.",
    )
    endpoint_max_requests: int = Field(
        default=256, ge=1, description="Requests in hand at once; more are answered with 429."
    )
    endpoint_max_held_mb: int = Field(
        default=384, ge=6, description="MiB of requests in hand at once; more are answered with 429."
    )
    endpoint_deadline_s: float = Field(
        default=55.0, gt=0, description="A request that waited longer than this is answered with 503."
    )
    endpoint_stretch: float = Field(
        default=2.0,
        ge=1,
        description="A request that names no deadline is answered with 429 when it would take more than so "
        "many times what a full batch takes.",
    )
    endpoint_metrics_s: float = Field(
        default=60.0, ge=0, description="Seconds between two log lines with metrics for CloudWatch; 0: none."
    )
    endpoint_log_requests: bool = Field(
        default=False, description="Log every answered request, not only what was refused or failed."
    )

    model_store: str = Field(
        default="",
        description="Where desired state and models lie: s3://bucket/prefix or a folder; empty: nowhere.",
    )
    model_poll_s: float = Field(
        default=2.0, gt=0, le=60, description="Seconds between two looks at the desired state."
    )
    model_report_s: float = Field(
        default=30.0, gt=0, description="A container's report counts for this long, in seconds."
    )
    model_watch_s: float = Field(
        default=120.0, ge=0, description="How long a promoted revision is watched, in seconds."
    )
    model_load_s: float = Field(
        default=900.0,
        gt=0,
        description="A load that takes longer is reported as failed, in seconds; others then go on.",
    )
    model_store_optional: bool = Field(
        default=False, description="Serve the bundled models while the store cannot be reached at start."
    )

    @property
    def models(self) -> Path:
        """Where built models are kept."""
        return self.home / "models"

    @property
    def threads(self) -> int:
        """Threads for the image model."""
        return self.endpoint_threads or os.cpu_count() or 1
