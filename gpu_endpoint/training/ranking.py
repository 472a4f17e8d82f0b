"""The text head taught to fill the first ranks, against image vectors that no longer change.

A question with several facts is answered badly when the scenes with only its strongest fact come first. The
loss is the chance, under a softmax over scenes, that a right one is drawn: what counts are the wrong ones
near the top (as in Goldberger et al. 2004). It costs some of the words outside the grammar, and highways on
real footage, so the head that ships is the mean of before and after (figures in docs/decisions/0006).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from gpu_endpoint.models.minilm import SentenceEncoder
from gpu_endpoint.training.captionset import CaptionSet, one_hot
from gpu_endpoint.training.head import Head, blend, extra_texts
from gpu_endpoint.training.palette import Floats


@dataclass(frozen=True, kw_only=True)
class Refinement:
    """How long and how the head is refined."""

    steps: int = 400
    scenes: int = 1200  # a step
    captions: int = 160
    phrases: int = 160  # and free sentences
    rate: float = 1e-3
    text_noise: float = 0.02
    sharpness: float = 28.0  # of the softmax over cosines
    seed: int = 0
    kept: float = 0.5  # share of the head before in the blend


def refine(
    head: Head, images: Floats, captions: CaptionSet, encoder: SentenceEncoder, plan: Refinement
) -> Head:
    """A blend of the head and what ranking makes of it. Shapes: images (n, 256)."""
    length = float(np.linalg.norm(head(captions.sentences[:3000]), axis=1).mean())
    weight, bias = (torch.nn.Parameter(torch.from_numpy(v / length)) for v in (head.weight, head.bias))
    optimizer = torch.optim.AdamW([weight, bias], lr=plan.rate, weight_decay=1e-4)
    torch.manual_seed(plan.seed)
    for step, (inputs, rows, matches) in enumerate(_batches(len(images), captions, encoder, plan)):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * 0.5 * (1 + math.cos(math.pi * step / plan.steps))
        inputs = inputs + plan.text_noise * torch.randn_like(inputs)
        vectors = functional.normalize(inputs @ weight.T + bias, dim=-1)
        loss = _missed(vectors @ torch.from_numpy(images[rows]).T * plan.sharpness, matches)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ranked = Head(weight.detach().numpy(), bias.detach().numpy())
    return blend(head, ranked, captions.sentences[:3000], share=plan.kept)


def _batches(
    scenes: int, captions: CaptionSet, encoder: SentenceEncoder, plan: Refinement
) -> Iterator[tuple[torch.Tensor, NDArray[np.int64], torch.Tensor]]:
    """Per step: sentence embeddings, rows of scenes, and which scene matches which sentence."""
    extra = extra_texts(set(captions.facts))
    sentences = np.concatenate([captions.sentences, encoder(extra.texts)])
    asserted = np.concatenate([captions.asserted, one_hot(extra.facts, captions.facts)])
    chances, first = extra.weights / extra.weights.sum(), len(captions.texts)
    rng = np.random.default_rng(plan.seed)
    for _ in range(plan.steps):
        rows = rng.choice(scenes, min(plan.scenes, scenes), replace=False)
        spoken = rng.choice(first, min(plan.captions, first), replace=False)
        texts = np.concatenate([spoken, first + rng.choice(len(chances), plan.phrases, p=chances)])
        matches = asserted[texts] @ captions.true[rows].T >= asserted[texts].sum(1, keepdims=True) - 0.5
        yield torch.from_numpy(sentences[texts]), rows, torch.from_numpy(matches)


def _missed(logits: torch.Tensor, matches: torch.Tensor) -> torch.Tensor:
    """How unlikely a right scene is, over the texts that have one. Shapes: (texts, scenes) both."""
    chances = torch.log_softmax(logits, dim=1).masked_fill(~matches, -math.inf)
    return -torch.logsumexp(chances[matches.any(1)], dim=1).mean()
