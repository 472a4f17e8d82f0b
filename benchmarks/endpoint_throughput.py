"""Images and texts a second through ViT-B-32: `.venv-torch/bin/python -m benchmarks.endpoint_throughput`.

The same command on a CPU (int8 in onnxruntime) and on an NVIDIA GPU (bfloat16 in torch): what the endpoint
would serve with there, loaded as it loads it, with random weights. Beside it, measured in the same run, what
bounds it: the matrix rate of the device in that arithmetic, and the rate at which memory gives the weights,
which each batch reads once.
"""

import argparse
import io
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from benchmarks.ceilings import Ceiling, cpu_ceiling, gpu_ceiling, seconds
from benchmarks.report import table
from gpu_endpoint.models.open_clip_import import import_open_clip
from gpu_endpoint.models.open_clip_torch import load_open_clip
from sightline.contracts.inference import SheetLayout

NAME = "ViT-B-32/laion2b_s34b_b79k"
BATCHES = (1, 4, 16, 64)
SHEET = SheetLayout(columns=8, tile_width=448, tile_height=256, tiles=64)
TEXT = "a pedestrian crossing the road at night in the rain, seen from a car {number}"


@dataclass(frozen=True)
class Work:
    """What one item costs, and what each batch reads."""

    flop: float
    weight_bytes: float


def cost_of(encode: Callable[[Any], Any], tower: Any, item: Any, *, bytes_per_weight: int) -> Work:
    """Counted by torch on one item; the matrices of a tower are its weights."""
    from torch.utils.flop_counter import FlopCounterMode

    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        encode(item)
    weights = sum(parameter.numel() for parameter in tower if parameter.dim() > 1)
    return Work(flop=float(counter.get_total_flops()), weight_bytes=float(weights * bytes_per_weight))


def sheet_jpeg() -> bytes:
    """A contact sheet of 64 frames, as extraction writes it: smooth pictures with some grain."""
    rng = np.random.default_rng(2)
    size = (SHEET.columns * SHEET.tile_width, SHEET.rows * SHEET.tile_height)
    coarse = Image.fromarray(rng.integers(0, 255, (size[1] // 32, size[0] // 32, 3), np.uint8))
    picture = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC), np.int16)
    grained = np.clip(picture + rng.integers(-6, 7, picture.shape), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grained).save(buffer, "JPEG", quality=90, subsampling="4:2:0")
    return buffer.getvalue()


def rows_of(
    kind: str,
    items: Sequence[Any],
    forward: Callable[[Sequence[Any]], Any],
    *,
    prepare_s: float,
    batches: Sequence[int],
    work: Work,
    ceiling: Ceiling,
    at_least_s: float,
) -> list[dict[str, Any]]:
    """One row per batch size. prepare_s: what making one item takes, on one thread."""
    rows = []
    for batch in batches:
        given = items[:batch]
        took_s = seconds(lambda given=given: forward(given), at_least_s=at_least_s)  # type: ignore[misc]
        bound = {
            "matrix": ceiling.flops / work.flop,
            "memory": batch * ceiling.bytes_per_s / work.weight_bytes,
        }
        rows.append(
            {
                "what": kind,
                "batch": batch,
                "per_s": batch / took_s,
                "with_preparing": batch / (took_s + batch * prepare_s),
                "matrix_share": batch / took_s / bound["matrix"],
                "memory_share": batch / took_s / bound["memory"],
            }
        )
    return rows


def measure(
    batches: Sequence[int], *, at_least_s: float
) -> tuple[Ceiling, dict[str, float], list[dict[str, Any]]]:
    """The ceiling, what preparing takes (items a second, one thread), and the rows."""
    on_gpu = torch.cuda.is_available()
    torch.manual_seed(0)
    network = import_open_clip().create_model(NAME.partition("/")[0], load_weights=False).eval()
    width = 2 if on_gpu else 1
    size = network.visual.image_size
    side = size[0] if isinstance(size, tuple) else size
    visual = list(network.visual.parameters())
    works = {
        "images": cost_of(
            network.encode_image, visual, torch.zeros(1, 3, side, side), bytes_per_weight=width
        ),
        "texts": cost_of(
            network.encode_text,
            list(network.transformer.parameters()),
            torch.zeros(1, network.context_length, dtype=torch.long),
            bytes_per_weight=width,
        ),
    }
    with tempfile.TemporaryDirectory() as folder:
        model = loaded(network, Path(folder))
        del network
        jpeg, texts = sheet_jpeg(), [TEXT.format(number=number) for number in range(max(batches))]
        prepare_s = {
            "images": seconds(lambda: model.prepare_images(jpeg, SHEET), at_least_s=at_least_s) / SHEET.tiles,
            "texts": seconds(lambda: model.prepare_texts(texts), at_least_s=at_least_s) / len(texts),
        }
        items = {"images": model.prepare_images(jpeg, SHEET), "texts": model.prepare_texts(texts)}
        ceiling = gpu_ceiling(at_least_s) if on_gpu else cpu_ceiling(at_least_s)
        rows = []
        for kind, forward in (("images", model.forward_images), ("texts", model.forward_texts)):
            rows += rows_of(
                kind,
                items[kind],
                forward,
                prepare_s=prepare_s[kind],
                batches=batches,
                work=works[kind],
                ceiling=ceiling,
                at_least_s=at_least_s,
            )
    return ceiling, {kind: 1 / took_s for kind, took_s in prepare_s.items()}, rows


def loaded(network: Any, folder: Path) -> Any:
    """The model as the endpoint loads it, from a file of the network's weights."""
    from safetensors.torch import save_file

    path = folder / "open_clip_model.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return load_open_clip(NAME, folder, file=path, threads=os.cpu_count() or 1)


def main() -> None:
    """Prints the table, and the figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--batches", type=lambda text: [int(part) for part in text.split(",")], default=BATCHES
    )
    parser.add_argument("--at-least-s", type=float, default=1.0, help="seconds per round of a measurement")
    options = parser.parse_args()
    if max(options.batches) > SHEET.tiles:
        parser.error(f"a sheet has {SHEET.tiles} tiles: no batch is larger")
    ceiling, preparing, rows = measure(options.batches, at_least_s=options.at_least_s)
    print(f"{ceiling.device}; {datetime.now(UTC):%Y-%m-%d}; {NAME.partition('/')[0]}, random weights\n")
    rates = f"{ceiling.flops / 1e12:.3g} Tflop/s, memory {ceiling.bytes_per_s / 1e9:.3g} GB/s"
    print(f"{ceiling.arithmetic} matrix rate {rates}")
    print(
        "preparing, one thread: "
        + ", ".join(f"{rate:,.0f} {kind}/s" for kind, rate in preparing.items())
        + "\n"
    )
    header = ["what", "batch", "a second", "with preparing", "of the matrix rate", "of the memory's rate"]
    print(table(header, [shown(row) for row in rows]))
    print(
        json.dumps(
            {
                "device": ceiling.device,
                "flops": ceiling.flops,
                "bytes_per_s": ceiling.bytes_per_s,
                "rows": rows,
            }
        )
    )


def shown(row: dict[str, Any]) -> list[str]:
    """One line of the table."""
    rates = [f"{row['per_s']:,.1f}", f"{row['with_preparing']:,.1f}"]
    return [
        row["what"],
        str(row["batch"]),
        *rates,
        f"{row['matrix_share']:.0%}",
        f"{row['memory_share']:.0%}",
    ]


if __name__ == "__main__":
    main()
