"""Every minute: looks after assets whose event, run, upload or deletion was lost on the way."""

from typing import Any

from sightline.batch import schedule_handler
from sightline.media.upkeep import Outside, sweep
from sightline.wiring import blobs, events, media_pipeline, purges


def look_after_assets() -> dict[str, Any]:
    """One round."""
    return sweep(Outside(blobs=blobs(), pipeline=media_pipeline(), purges=purges(), events=events()))


handler = schedule_handler(look_after_assets)
