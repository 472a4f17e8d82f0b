"""The command."""

import json
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from client.api import Sightline
from client.errors import ClientError
from client.incident_demo.receiver import local_slack
from client.incident_demo.run import Demo
from client.local import Port, local_cloud
from client.output import JsonFlag, notes
from client.session import local_home


def demo_incidents(
    seed: Annotated[int, typer.Option(help="Another storm.")] = 5,
    speed: Annotated[float, typer.Option(min=1, help="How many times faster than it happened.")] = 120,
    port: Port = None,
    as_json: JsonFlag = False,
) -> None:
    """Play a storm of alerts against a local cloud, and show what Sightline makes of it."""
    home, console = local_home(), notes()
    console.quiet = as_json
    try:
        with (
            local_cloud(home, port=port, console=console) as api_url,
            tempfile.TemporaryDirectory() as kept,
            Sightline(api_url, config_dir=Path(kept)) as sightline,
            local_slack() as slack,
        ):
            counts = Demo(sightline, slack, console).run(seed=seed, speed=speed)
    except ClientError as error:
        error.add_note(f"Logs: {home / 'logs'}")
        raise
    print(json.dumps(asdict(counts)))
