"""The text head taught to fill the first ranks, against image vectors that no longer change.

A question with several facts is answered badly when the scenes with only its strongest fact come first. The
loss is the chance, under a softmax over scenes, that a right one is drawn: what counts are the wrong ones
near the top (as in Goldberger et al. 2004). Two terms mend what that alone breaks (figures in
docs/decisions/0006). On rendered scenes first ranks fill without what tells real highways from streets, so
words for a kind of road are held to the head that knew them best. And what is ranked well may still score
less than words for what no scene shows, which nothing taught to score low: these are told to. The head that
ships keeps a share of the one before, which costs fewer of the words outside the grammar.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from gpu_endpoint.models.minilm import SentenceEncoder
from gpu_endpoint.training.captionset import CaptionSet, one_hot
from gpu_endpoint.training.head import Head, absent_texts, blend, extra_texts
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
    held: float = 10.0  # weight of one minus the cosine to what roads were told by
    hushed: float = 3.0  # weight of the cosines above 0 of what no scene shows
    seed: int = 0
    kept: float = 0.25  # share of the head before in the blend


class Batch(NamedTuple):
    """A step's sentences, its scenes' rows, which match, and which sentences name a road and no more."""

    sentences: Floats
    rows: NDArray[np.int64]
    matches: torch.Tensor
    roads: NDArray[np.bool_]


def refine(
    head: Head,
    images: Floats,
    captions: CaptionSet,
    encoder: SentenceEncoder,
    plan: Refinement,
    *,
    roads: Head,
) -> Head:
    """A blend of the head and what ranking makes of it, held to `roads` for kinds of roads.

    Shapes: images (n, 256).
    """
    length = float(np.linalg.norm(head(captions.sentences[:3000]), axis=1).mean())
    weight, bias = (torch.nn.Parameter(torch.from_numpy(v / length)) for v in (head.weight, head.bias))
    optimizer = torch.optim.AdamW([weight, bias], lr=plan.rate, weight_decay=1e-4)
    torch.manual_seed(plan.seed)
    absent = encoder(absent_texts())

    def vectors_of(sentences: Floats) -> torch.Tensor:
        inputs = torch.from_numpy(sentences)
        inputs = inputs + plan.text_noise * torch.randn_like(inputs)
        return functional.normalize(inputs @ weight.T + bias, dim=-1)

    for step, batch in enumerate(_batches(len(images), captions, encoder, plan)):
        for group in optimizer.param_groups:
            group["lr"] = plan.rate * 0.5 * (1 + math.cos(math.pi * step / plan.steps))
        scenes, vectors = torch.from_numpy(images[batch.rows]), vectors_of(batch.sentences)
        loss = _missed(vectors @ scenes.T * plan.sharpness, batch.matches)
        loss = loss + plan.held * _turned(vectors[batch.roads], roads(batch.sentences[batch.roads]))
        loss = loss + plan.hushed * _loud(vectors_of(absent) @ scenes.T, plan.sharpness)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    ranked = Head(weight.detach().numpy(), bias.detach().numpy())
    return blend(head, ranked, captions.sentences[:3000], share=plan.kept)


def _batches(
    scenes: int, captions: CaptionSet, encoder: SentenceEncoder, plan: Refinement
) -> Iterator[Batch]:
    extra = extra_texts(set(captions.facts))
    sentences = np.concatenate([captions.sentences, encoder(extra.texts)])
    asserted = np.concatenate([captions.asserted, one_hot(extra.facts, captions.facts)])
    kinds = np.array([fact.startswith("road:") for fact in captions.facts])
    roads = (asserted.sum(1) == 1) & (asserted[:, kinds].sum(1) == 1)
    chances, first = extra.weights / extra.weights.sum(), len(captions.texts)
    rng = np.random.default_rng(plan.seed)
    for _ in range(plan.steps):
        rows = rng.choice(scenes, min(plan.scenes, scenes), replace=False)
        spoken = rng.choice(first, min(plan.captions, first), replace=False)
        texts = np.concatenate([spoken, first + rng.choice(len(chances), plan.phrases, p=chances)])
        matches = asserted[texts] @ captions.true[rows].T >= asserted[texts].sum(1, keepdims=True) - 0.5
        yield Batch(sentences[texts], rows, torch.from_numpy(matches), roads[texts])


def _missed(logits: torch.Tensor, matches: torch.Tensor) -> torch.Tensor:
    """How unlikely a right scene is, over the texts that have one. Shapes: (texts, scenes) both."""
    chances = torch.log_softmax(logits, dim=1).masked_fill(~matches, -math.inf)
    return -torch.logsumexp(chances[matches.any(1)], dim=1).mean()


def _turned(vectors: torch.Tensor, there: Floats) -> torch.Tensor:
    """One minus the mean cosine; 0 of none. Shapes: (n, 256) both, the first of length 1."""
    cosines = functional.cosine_similarity(vectors, torch.from_numpy(there))
    return (1 - cosines).sum() / max(len(there), 1)


def _loud(cosines: torch.Tensor, sharpness: float) -> torch.Tensor:
    """How far above 0 a text's cosines are, counting the higher ones more. Shapes: (texts, scenes)."""
    mean = torch.logsumexp(cosines * sharpness, dim=1) - math.log(cosines.shape[1])
    return functional.relu(mean / sharpness).mean()
