"""`sightline models`: models of the inference endpoint on this machine."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

models = typer.Typer(help="Models of the inference endpoint on this machine.", no_args_is_help=True)

Source = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="A safetensors file, or a folder pulled on another machine."),
]
Digest = Annotated[str | None, typer.Option(metavar="HEX", help="What the safetensors file must have.")]
Home = Annotated[Path | None, typer.Option(metavar="DIR", help="State folder; ./.sightline if not given.")]


@models.command()
def pull(
    name: Annotated[str, typer.Argument(help="As open_clip names it: ViT-B-32/laion2b_s34b_b79k")],
    source: Source = None,
    sha256: Digest = None,
    home: Home = None,
) -> None:
    """Get a model, check it, export it for this machine, and make it one that SIGHTLINE_IMAGE_MODEL finds."""
    options = {"--from": source, "--sha256": sha256, "--home": home}
    given = [str(part) for option, value in options.items() if value is not None for part in (option, value)]
    # A process of its own: the client never imports the endpoint, nor torch.
    done = subprocess.run([sys.executable, "-m", "gpu_endpoint", "models", "pull", name, *given], check=False)
    raise typer.Exit(done.returncode)
