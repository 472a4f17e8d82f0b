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
    image_model: str = Field(default="scenes-rn-96", description="Model that embeds frames and questions.")
    image_model_file: Path | None = Field(
        default=None, description="Safetensors file of an open_clip model, in place of the hub."
    )
    model_configs: Path = Field(default=CONFIGS, description="Folder with one JSON file per known model.")
    endpoint_host: str = Field(default="127.0.0.1", description="Address the endpoint listens on.")
    endpoint_threads: int = Field(
        default=0, ge=0, description="Threads of the image model on a CPU; 0: one per core."
    )
    endpoint_max_batch: int = Field(default=32, ge=1, description="Items in one batch, across requests.")
    endpoint_wait_s: float = Field(
        default=0.0, ge=0, le=1, description="How long a busy lane waits for a batch to fill, in seconds."
    )
    endpoint_max_queued: int = Field(
        default=4096, ge=64, description="Texts or tiles that may wait; more are answered with 429."
    )
    endpoint_max_requests: int = Field(
        default=64, ge=1, description="Requests in hand at once; more are answered with 429."
    )
    endpoint_deadline_s: float = Field(
        default=55.0, gt=0, description="A request that waited longer than this is answered with 503."
    )

    @property
    def models(self) -> Path:
        """Where built models are kept."""
        return self.home / "models"

    @property
    def threads(self) -> int:
        """Threads for the image model."""
        return self.endpoint_threads or os.cpu_count() or 1
