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
from gpu_endpoint.training.captionset import CaptionSet
from gpu_endpoint.training.dataset import Pictures
from gpu_endpoint.training.scenes import SIZE
from gpu_endpoint.training.towers import DIM, TextHead, image_tower


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How long and how to train."""

    steps: int = 9000
    batch: int = 64
    captions_per_step: int = 512
    rate: float = 1.5e-3
    weight_decay: float = 0.05
    text_noise: float = 0.02  # deviation added to sentence embeddings, against learning single words
    seed: int = 0
    threads: int = 1


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
        self.rng = np.random.default_rng(plan.seed)
        self.tower, self.head = image_tower(SIZE), TextHead()
        self.facts = torch.nn.Linear(DIM, len(captions.facts))
        share = torch.from_numpy(captions.true.mean(0)).clamp(1e-3, 0.999)
        self.facts.bias.data = torch.log(share / (1 - share))
        self.parameters = [p for m in (self.tower, self.head, self.facts) for p in m.parameters()]
        groups = [
            {"params": [p for p in self.parameters if p.ndim > 1], "weight_decay": plan.weight_decay},
            {"params": [p for p in self.parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=plan.rate, betas=(0.9, 0.98))
        self.mean, self.std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))

    def run(self, checkpoint: Path) -> Trained:
        """All steps; the checkpoint is renewed on the way."""
        started, average = time.monotonic(), 0.0
        self.tower.train()
        for step in range(self.plan.steps):
            loss = self.step(step)
            average = loss if step == 0 else 0.98 * average + 0.02 * loss
            if step % 500 == 499:
                minutes = (time.monotonic() - started) / 60
                print(f"step {step + 1}/{self.plan.steps} {minutes:.1f} min loss {average:.3f}", flush=True)
                self.save(checkpoint)
        self.save(checkpoint)
        return Trained(self.tower, self.head, self.captions.facts)

    def step(self, step: int) -> float:
        """One batch."""
        plan, captions = self.plan, self.captions
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate(step)
        rows = self.rng.choice(len(self.pictures), plan.batch, replace=False)
        columns = self.rng.choice(len(captions.texts), plan.captions_per_step, replace=False)
        true, asserted = captions.true[rows], captions.asserted[columns]
        matches = (true @ asserted.T >= asserted.sum(1) - 0.5).astype(np.float32)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            raw = self.tower(self._augmented(rows))
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
        return float(loss.item())

    def _rate(self, step: int) -> float:
        warm = min(1.0, (step + 1) / 100)
        return self.plan.rate * warm * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / self.plan.steps)))

    def _augmented(self, rows: np.ndarray) -> torch.Tensor:
        """Brightness, colour cast and a shift of up to four pixels."""
        pictures = torch.from_numpy(self.pictures[rows]).permute(0, 3, 1, 2).float() / 255
        count = len(pictures)
        gain = (0.8 + 0.4 * torch.rand(count, 1, 1, 1)) * (0.95 + 0.1 * torch.rand(count, 3, 1, 1))
        pictures = (pictures * gain + 0.1 * (torch.rand(count, 1, 1, 1) - 0.5)).clamp(0, 1)
        padded = functional.pad(pictures, (4, 4, 4, 4), mode="replicate")
        top, left = self.rng.integers(0, 9, 2)
        pictures = padded[:, :, top : top + SIZE, left : left + SIZE]
        return ((pictures - self.mean) / self.std).contiguous(memory_format=torch.channels_last)

    def save(self, checkpoint: Path) -> None:
        """Write tower, head and plan."""
        state = {
            "tower": self.tower.state_dict(), "head": self.head.state_dict(), "facts": self.captions.facts,
            "plan": asdict(self.plan),
        }  # fmt: skip
        torch.save(state, checkpoint)


def load(checkpoint: Path) -> Trained:
    """Read what a Trainer saved."""
    state = torch.load(checkpoint, weights_only=True)
    tower, head = image_tower(SIZE), TextHead()
    tower.load_state_dict(state["tower"])
    head.load_state_dict(state["head"])
    return Trained(tower.eval(), head.eval(), state["facts"])
