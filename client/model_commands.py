"""`sightline models`: models of the inference endpoint on this machine."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from client.errors import ModelRefusedError
from client.output import JsonFlag, notes, print_json, print_table

models = typer.Typer(help="Models of the inference endpoint on this machine.", no_args_is_help=True)

Source = Annotated[
    Path | None,
    typer.Option("--from", metavar="FILE", help="A safetensors file, or a folder pulled on another machine."),
]
Digest = Annotated[str | None, typer.Option(metavar="HEX", help="What the safetensors file must have.")]
Home = Annotated[Path | None, typer.Option(metavar="DIR", help="State folder; ./.sightline if not given.")]

# What a pull measures, in the order of its steps.
MEASURED = {
    "images.torch_cosine": "pictures: ONNX in float32 beside torch, least cosine",
    "images.int8_cosine": "pictures: int8 beside float32, mean cosine",
    "images.int8_least_cosine": "pictures: int8 beside float32, least cosine",
    "images.int8_same_neighbours": "pictures: share of the five nearest that int8 keeps",
    "texts.torch_cosine": "texts: ONNX in float32 beside torch, least cosine",
    "texts.int8_cosine": "texts: int8 beside float32, mean cosine",
    "texts.int8_least_cosine": "texts: int8 beside float32, least cosine",
    "texts.int8_same_neighbours": "texts: share of the five nearest that int8 keeps",
    "embed_image.known": "pictures: share of the known similarities that hold",
    "embed_text.known": "texts: share of the known similarities that hold",
}


@models.command()
def pull(
    name: Annotated[str, typer.Argument(help="As open_clip names it: ViT-B-32/laion2b_s34b_b79k")],
    source: Source = None,
    sha256: Digest = None,
    home: Home = None,
    as_json: JsonFlag = False,
) -> None:
    """Get a model, check it, export it for this machine, and make it one that SIGHTLINE_IMAGE_MODEL finds."""
    options = {"--from": source, "--sha256": sha256, "--home": home}
    given = [str(part) for option, value in options.items() if value is not None for part in (option, value)]
    # A process of its own: the client never imports the endpoint, nor torch.
    command = [sys.executable, "-m", "gpu_endpoint", "models", "pull", name, *given]
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE if as_json else None, text=True, check=False
    )
    if done.returncode and as_json:
        raise ModelRefusedError((done.stderr.strip().splitlines() or ["the pull failed"])[-1])
    if done.returncode:
        raise typer.Exit(done.returncode)
    show(json.loads(done.stdout), as_json=as_json)


def show(pulled: dict[str, Any], *, as_json: bool) -> None:
    """What was registered and measured."""
    if as_json:
        print_json(pulled)
        return
    names = {"checkpoint_sha256": "sha256 of the checkpoint", **MEASURED}
    rows = [(name, str(pulled[key])) for key, name in names.items() if key in pulled]
    about = [(name, pulled[name]) for name in ("revision", "folder")]
    print_table(("model", pulled["model"]), [*about, *rows])
    notes().print(f"SIGHTLINE_IMAGE_MODEL={pulled['model']} serves it", markup=False)
