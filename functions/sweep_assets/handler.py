"""Every minute: looks after assets and imports that something was lost of on the way."""

from typing import Any

from sightline.batch import schedule_handler
from sightline.media.imports.upkeep import sweep as sweep_imports
from sightline.media.upkeep import Outside, sweep
from sightline.wiring import blobs, events, import_runs, media_pipeline, purges


def look_after_assets() -> dict[str, Any]:
    """One round."""
    imports = sweep_imports(runs=import_runs(), events=events())
    assets = sweep(Outside(blobs=blobs(), pipeline=media_pipeline(), purges=purges(), events=events()))
    return assets | imports


handler = schedule_handler(look_after_assets)
