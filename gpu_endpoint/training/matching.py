"""The text head by the tower's own loss, against image vectors that no longer change.

A caption matches every scene of which all its facts are true, and no other: the sigmoid loss that the tower
learned by (train.py), with the vectors of the int8 tower in the place of what it made on its way. It tells
kinds of roads apart on real footage as the head beside the tower does, and better in int8, but is poor with
several facts at once and with words outside the grammar (figures in docs/decisions/0006).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from gpu_endpoint.training.captionset import CaptionSet
from gpu_endpoint.training.head import Head
from gpu_endpoint.training.palette import Floats
from gpu_endpoint.training.towers import TextHead
from gpu_endpoint.training.train import share_of_rate


@dataclass(frozen=True, kw_only=True)
class Matching:
    """How long and how the head is trained."""

    steps: int = 1500
    scenes: int = 1024  # a step
    captions: int = 512
    rate: float = 3e-3
    weight_decay: float = 0.05
    text_noise: float = 0.02
    seed: int = 0


def match_head(images: Floats, captions: CaptionSet, plan: Matching) -> Head:
    """The head for image vectors of the captions' scenes. Shapes: images (n, 256)."""
    torch.manual_seed(plan.seed)
    rng, head = np.random.default_rng(plan.seed), TextHead()
    optimizer = torch.optim.AdamW(
        head.parameters(), lr=plan.rate, betas=(0.9, 0.98), weight_decay=plan.weight_decay
    )
    for step in range(plan.steps):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * share_of_rate(step, plan.steps)
        rows = rng.choice(len(images), min(plan.scenes, len(images)), replace=False)
        columns = rng.choice(len(captions.texts), min(plan.captions, len(captions.texts)), replace=False)
        asserted = captions.asserted[columns]
        matches = (captions.true[rows] @ asserted.T >= asserted.sum(1) - 0.5).astype(np.float32)
        sentences = torch.from_numpy(captions.sentences[columns])
        sentences = sentences + plan.text_noise * torch.randn_like(sentences)
        logits = head.logits(torch.from_numpy(images[rows]), sentences)
        loss = functional.binary_cross_entropy_with_logits(logits, torch.from_numpy(matches), reduction="sum")
        optimizer.zero_grad()
        (loss / 8 / len(rows)).backward()
        optimizer.step()
    return Head(head.linear.weight.detach().numpy(), head.linear.bias.detach().numpy())
