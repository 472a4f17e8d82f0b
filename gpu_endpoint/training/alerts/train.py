"""Train the two heads on cached token states: cross-entropy, AdamW, a cosine schedule, one thread.

A head's weights are a running mean of those it had (Polyak and Juditsky 1992), and several heads of other
seeds answer together.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from gpu_endpoint.models.alert_features import SIZE
from gpu_endpoint.training.alerts.heads import ClassHead, Committee, EntityHead
from gpu_endpoint.training.alerts.states import STATE, StateSet

IGNORED = -100  # the tag of padding
SMOOTHING = 0.05  # of the classes: a marker and the words may disagree
BALANCE = 0.5  # 0: a class counts as often as it occurs; 1: all count alike
MEMORY = 0.998  # of the running mean, per step


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how to train."""

    epochs: int = 4
    batch: int = 32
    rate: float = 2e-3
    weight_decay: float = 0.02
    seeds: tuple[int, ...] = (0, 1, 2)


@dataclass(frozen=True)
class Batch:
    """Some alerts, padded to the longest of them."""

    rows: npt.NDArray[np.int64]
    states: torch.Tensor
    features: torch.Tensor
    tags: torch.Tensor
    mask: torch.Tensor


def batches(alerts: StateSet, size: int, rng: np.random.Generator | None = None) -> Iterator[Batch]:
    """All alerts, those of like length together; in random order where a generator is given."""
    lengths = np.diff(alerts.starts)
    order = np.argsort(lengths + (rng.random(len(lengths)) * 6 if rng else 0), kind="stable")
    chunks = [order[start : start + size] for start in range(0, len(order), size)]
    if rng:
        rng.shuffle(chunks)
    for rows in chunks:
        yield padded(alerts, rows, int(lengths[rows].max()))


def padded(alerts: StateSet, rows: npt.NDArray[np.int64], longest: int) -> Batch:
    """Shapes: states (n, longest, STATE), features (n, longest, SIZE), tags and mask (n, longest)."""
    states = np.zeros((len(rows), longest, STATE), np.float32)
    features = np.zeros((len(rows), longest, SIZE), np.float32)
    tags = np.full((len(rows), longest), IGNORED, np.int64)
    mask = np.zeros((len(rows), longest), np.float32)
    for place, row in enumerate(rows):
        here = slice(alerts.starts[row], alerts.starts[row + 1])
        count = here.stop - here.start
        states[place, :count], features[place, :count] = alerts.states[here], alerts.features[here]
        tags[place, :count], mask[place, :count] = alerts.tags[here], 1
    return Batch(rows, *map(torch.from_numpy, (states, features, tags, mask)))


def entity_loss(head: Any, _alerts: StateSet, batch: Batch) -> torch.Tensor:
    """Of every token's tag."""
    logits = head(batch.states, batch.features, batch.mask)
    loss: torch.Tensor = functional.cross_entropy(
        logits.flatten(0, 1), batch.tags.flatten(), ignore_index=IGNORED
    )
    return loss


def class_loss(head: Any, alerts: StateSet, batch: Batch) -> torch.Tensor:
    """Of severity and category."""
    logits = head(batch.states, batch.features, batch.mask)
    losses = [
        functional.cross_entropy(
            said, torch.from_numpy(truth[batch.rows]), weight=balance(truth), label_smoothing=SMOOTHING
        )
        for said, truth in zip(logits, (alerts.severities, alerts.categories), strict=True)
    ]
    return losses[0] + losses[1]


def balance(truth: npt.NDArray[np.int64]) -> torch.Tensor:
    """What each class counts, 1 in the mean over all alerts: the rare ones more."""
    shares = np.bincount(truth) / len(truth)
    weights = shares**-BALANCE
    return torch.from_numpy((weights / (weights * shares).sum()).astype(np.float32))


def train(head: Any, loss_of: Any, alerts: StateSet, plan: Plan, *, seed: int) -> Any:
    """The running mean of the head over all epochs, in evaluation mode."""
    rng, started = np.random.default_rng(seed), time.monotonic()
    mean = AveragedModel(head, multi_avg_fn=get_ema_multi_avg_fn(MEMORY))
    optimizer = torch.optim.AdamW(head.parameters(), lr=plan.rate, weight_decay=plan.weight_decay)
    steps = plan.epochs * math.ceil(len(alerts) / plan.batch)
    step = 0
    for epoch in range(plan.epochs):
        head.train()
        total = 0.0
        for batch in batches(alerts, plan.batch, rng):
            for group in optimizer.param_groups:
                group["lr"] = plan.rate * schedule(step, steps)
            loss = loss_of(head, alerts, batch)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(head.parameters(), 1.0)
            optimizer.step()
            mean.update_parameters(head)
            step, total = step + 1, total + float(loss.detach())
        minutes = (time.monotonic() - started) / 60
        print(
            f"epoch {epoch + 1}/{plan.epochs} {minutes:.1f} min loss {total * plan.epochs / steps:.4f}",
            flush=True,
        )
    return mean.module.eval()


def schedule(step: int, steps: int) -> float:
    """Warm-up, then half a cosine."""
    return min(1.0, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def train_committee(make: Callable[[], Any], loss_of: Any, alerts: StateSet, plan: Plan) -> Committee:
    """One head after the other."""
    members = []
    for seed in plan.seeds:
        torch.manual_seed(seed)
        members.append(train(make(), loss_of, alerts, plan, seed=seed))
    together = Committee(members)
    together.eval()
    return together


def train_entities(alerts: StateSet, plan: Plan) -> Committee:
    """The heads for tags."""
    return train_committee(EntityHead, entity_loss, alerts, plan)


def train_classes(alerts: StateSet, plan: Plan) -> Committee:
    """The heads for severity and category."""
    return train_committee(ClassHead, class_loss, alerts, plan)


def logits_of(head: Any, alerts: StateSet) -> list[list[npt.NDArray[np.float32]]]:
    """Per alert the head's outputs, without padding."""
    answers: list[list[npt.NDArray[np.float32]]] = [[] for _ in range(len(alerts))]
    with torch.inference_mode():
        for batch in batches(alerts, 64):
            outputs = head(batch.states, batch.features, batch.mask)
            for output in outputs if isinstance(outputs, tuple) else (outputs,):
                for place, row in enumerate(batch.rows):
                    count = int(batch.mask[place].sum())
                    answers[row].append(
                        output[place, :count].numpy() if output.ndim == 3 else output[place].numpy()
                    )
    return answers
