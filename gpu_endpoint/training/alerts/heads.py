"""The two heads in torch: tags of every token, and the classes of the whole alert; and several as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from gpu_endpoint.models.alert_features import SIZE
from gpu_endpoint.training.alerts.states import STATE, TAGS
from gpu_endpoint.training.alerts.templates import CATEGORIES, SEVERITIES

WIDTH = 128
CLASS_WIDTH = 96
QUERIES = 4  # ways of looking at an alert, per head


class Mixed(nn.Module):  # type: ignore[misc]
    """Tokens with what stands around them. Shapes: (n, tokens, STATE + SIZE) -> (n, tokens, width)."""

    def __init__(self, width: int, kernels: tuple[tuple[int, int], ...], dropout: float) -> None:
        super().__init__()
        self.project = nn.Linear(STATE + SIZE, width)
        self.layers = nn.ModuleList(
            nn.Conv1d(width, width, size, padding=(size // 2) * step, dilation=step) for size, step in kernels
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in kernels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, states: torch.Tensor, features: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """`mask` is 1 for real tokens; padding is kept at zero, so a text does not see its batch."""
        hidden = nn.functional.gelu(self.project(self.dropout(torch.cat([states, features], -1))))
        for layer, norm in zip(self.layers, self.norms, strict=True):
            hidden = hidden * mask[..., None]
            around = nn.functional.gelu(layer(self.dropout(hidden).transpose(1, 2)).transpose(1, 2))
            hidden = norm(hidden + around)
        return hidden


class EntityHead(nn.Module):  # type: ignore[misc]
    """Logits of TAGS for every token."""

    def __init__(self) -> None:
        super().__init__()
        self.mixed = Mixed(WIDTH, ((5, 1), (3, 2), (3, 4)), dropout=0.15)
        self.tags = nn.Linear(WIDTH, len(TAGS))

    def forward(self, states: torch.Tensor, features: torch.Tensor, mask: torch.Tensor) -> Any:
        """Shapes: (n, tokens, STATE), (n, tokens, SIZE), (n, tokens) -> (n, tokens, len(TAGS))."""
        return self.tags(self.mixed(states, features, mask))


class ClassHead(nn.Module):  # type: ignore[misc]
    """Logits of severity and category, from tokens that each head picks by attention."""

    def __init__(self) -> None:
        super().__init__()
        self.mixed = Mixed(CLASS_WIDTH, ((3, 1), (3, 2)), dropout=0.3)
        self.look = nn.ModuleDict(
            {name: nn.Linear(CLASS_WIDTH, QUERIES) for name in ("severity", "category")}
        )
        self.drop = nn.Dropout(0.3)
        wide = CLASS_WIDTH * QUERIES
        self.out = nn.ModuleDict(
            {"severity": nn.Linear(wide, len(SEVERITIES)), "category": nn.Linear(wide, len(CATEGORIES))}
        )

    def forward(self, states: torch.Tensor, features: torch.Tensor, mask: torch.Tensor) -> Any:
        """Shapes: as EntityHead -> (n, 5), (n, 12)."""
        hidden = self.mixed(states, features, mask)
        answers = []
        for name in ("severity", "category"):
            weight = self.look[name](hidden).masked_fill(mask[..., None] == 0, -1e4).softmax(1)
            seen = torch.einsum("ntq,ntw->nqw", weight, hidden).flatten(1)
            answers.append(self.out[name](self.drop(seen)))
        return tuple(answers)


class Committee(nn.Module):  # type: ignore[misc]
    """Heads that differ in their seed only; what it says is the mean of what they say."""

    def __init__(self, members: Sequence[Any]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, states: torch.Tensor, features: torch.Tensor, mask: torch.Tensor) -> Any:
        """Shapes: as each of them."""
        said = [member(states, features, mask) for member in self.members]
        if isinstance(said[0], tuple):
            return tuple(torch.stack(parts).mean(0) for parts in zip(*said, strict=True))
        return torch.stack(said).mean(0)
