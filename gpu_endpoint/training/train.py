"""Train the image tower and the text head together: sigmoid loss on captions, and the scene's facts."""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from gpu_endpoint.training.bundled import MEAN, STD
from gpu_endpoint.training.captionset import CaptionSet, mirrored
from gpu_endpoint.training.dataset import Pictures
from gpu_endpoint.training.photograph import SIZE
from gpu_endpoint.training.towers import DIM, TextHead, image_tower, resized


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how to train."""

    steps: int = 5000
    size: int = SIZE  # of the pictures; smaller ones train faster
    batch: int = 64
    captions_per_step: int = 512
    rate: float = 1.5e-3
    weight_decay: float = 0.05
    text_noise: float = 0.02  # deviation added to sentence embeddings, against learning single words
    averaging: float = 0.98  # share that the weights' running mean keeps every AVERAGED steps
    seed: int = 0
    threads: int = 1
    compiled: bool = False  # needs a C++ compiler; twice as fast


AVERAGED = 5


@dataclass
class Trained:
    """What training gives."""

    tower: torch.nn.Module
    head: TextHead
    facts: list[str]


class Trainer:
    """One training run over scenes and their captions."""

    def __init__(self, pictures: Pictures, captions: CaptionSet, plan: Plan) -> None:
        torch.manual_seed(plan.seed)
        torch.set_num_threads(plan.threads)
        self.plan, self.pictures, self.captions = plan, pictures, captions
        self.true = (captions.true, mirrored(captions.true, captions.facts))
        self.rng = np.random.default_rng(plan.seed)
        self.tower, self.head = image_tower(plan.size), TextHead()
        self.forward = torch.compile(self.tower) if plan.compiled else self.tower
        self.facts = torch.nn.Linear(DIM, len(captions.facts))
        share = torch.from_numpy(captions.true.mean(0)).clamp(1e-3, 0.999)
        self.facts.bias.data = torch.log(share / (1 - share))
        self.models = torch.nn.ModuleDict({"tower": self.tower, "head": self.head, "told": self.facts})
        self.parameters = list(self.models.parameters())
        groups = [
            {"params": [p for p in self.parameters if p.ndim > 1], "weight_decay": plan.weight_decay},
            {"params": [p for p in self.parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98), fused=True)
        self.mean, self.std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
        self.average = self._state()

    def resume(self, checkpoint: Path) -> None:
        """Start from a checkpoint, of pictures of any size."""
        state = torch.load(checkpoint, weights_only=True)
        self.tower.load_state_dict(resized(state["tower"], self.plan.size))
        self.head.load_state_dict(state["head"])
        if state["facts"] == self.captions.facts:
            self.facts.load_state_dict(state["told"])
        self.average = self._state()

    def run(self, checkpoint: Path) -> Trained:
        """All steps; the checkpoint is renewed on the way."""
        started, average = time.monotonic(), 0.0
        self.tower.train()
        for step in range(self.plan.steps):
            loss = self.step(step)
            average = loss if step == 0 else 0.98 * average + 0.02 * loss
            if step % 250 == 249:
                minutes = (time.monotonic() - started) / 60
                print(f"step {step + 1}/{self.plan.steps} {minutes:.1f} min loss {average:.3f}", flush=True)
                self.save(checkpoint)
        self.save(checkpoint)
        return load(checkpoint)

    def step(self, step: int) -> float:
        """One batch."""
        plan, captions = self.plan, self.captions
        for group in self.optimizer.param_groups:
            group["lr"] = plan.rate * share_of_rate(step, plan.steps)
        rows = self._pairs()
        columns = self.rng.choice(len(captions.texts), plan.captions_per_step, replace=False)
        flipped = self.rng.random(plan.batch) < 0.5
        true, asserted = (
            np.where(flipped[:, None], self.true[1][rows], self.true[0][rows]),
            captions.asserted[columns],
        )
        matches = (true @ asserted.T >= asserted.sum(1) - 0.5).astype(np.float32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            raw = self.forward(self._augmented(rows, flipped))
        raw = raw.float()
        told = functional.binary_cross_entropy_with_logits(
            self.facts(raw), torch.from_numpy(true), reduction="sum"
        )  # fmt: skip
        sentences = torch.from_numpy(captions.sentences[columns])
        sentences = sentences + plan.text_noise * torch.randn_like(sentences)
        logits = self.head.logits(functional.normalize(raw, dim=-1), sentences)
        matched = functional.binary_cross_entropy_with_logits(
            logits, torch.from_numpy(matches), reduction="sum"
        )  # fmt: skip
        loss = (matched / 8 + told) / plan.batch
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()
        if step % AVERAGED == 0:
            self._follow(step)
        return float(loss.item())

    def _pairs(self) -> np.ndarray:
        """Rows of scenes and their twins."""
        first = 2 * self.rng.choice(len(self.pictures) // 2, self.plan.batch // 2, replace=False)
        return np.concatenate([first, first + 1])

    def _state(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.models.state_dict().items()}

    def _follow(self, step: int) -> None:
        """Move the running mean of all weights towards what they are now."""
        share = 1 - min(self.plan.averaging, (1 + step / AVERAGED) / (10 + step / AVERAGED))
        for name, value in self.models.state_dict().items():
            if value.dtype.is_floating_point:
                self.average[name].lerp_(value, share)

    def _augmented(self, rows: np.ndarray, flipped: np.ndarray) -> torch.Tensor:
        """Brightness, colour cast, left for right, and a shift of up to a 24th of the side."""
        pictures = torch.from_numpy(self.pictures[rows]).permute(0, 3, 1, 2).float() / 255
        size, pad = self.plan.size, self.plan.size // 24
        if size != SIZE:
            pictures = functional.interpolate(pictures, size=(size, size), mode="bilinear", antialias=True)
        pictures = torch.where(torch.from_numpy(flipped)[:, None, None, None], pictures.flip(3), pictures)
        count = len(pictures)
        gain = (0.8 + 0.4 * torch.rand(count, 1, 1, 1)) * (0.95 + 0.1 * torch.rand(count, 3, 1, 1))
        pictures = (pictures * gain + 0.1 * (torch.rand(count, 1, 1, 1) - 0.5)).clamp(0, 1)
        padded = functional.pad(pictures, (pad, pad, pad, pad), mode="replicate")
        top, left = self.rng.integers(0, 2 * pad + 1, 2)
        pictures = padded[:, :, top : top + size, left : left + size]
        return ((pictures - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def save(self, checkpoint: Path) -> None:
        """Write the averaged tower and head, and the plan."""
        parts: dict[str, dict[str, torch.Tensor]] = {name: {} for name in self.models}
        for name, value in self.average.items():
            part, key = name.split(".", 1)
            parts[part][key] = value
        torch.save(parts | {"facts": self.captions.facts, "plan": asdict(self.plan)}, checkpoint)


def share_of_rate(step: int, steps: int) -> float:
    """A short start, then a cosine."""
    return min(1.0, (step + 1) / 100) * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / steps)))


def load(checkpoint: Path) -> Trained:
    """Read what a Trainer saved."""
    state = torch.load(checkpoint, weights_only=True)
    tower, head = image_tower(state["plan"]["size"]), TextHead()
    tower.load_state_dict(state["tower"])
    head.load_state_dict(state["head"])
    return Trained(tower.eval(), head.eval(), state["facts"])
