"""The image tower and the text head, in torch."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from gpu_endpoint.models.open_clip_import import import_open_clip

WIDTH, DIM, TEXT_DIM = 32, 256, 384
LAYERS = (1, 1, 1, 1)


def image_tower(image_size: int) -> nn.Module:
    """open_clip's ModifiedResNet, small: 5.4 million weights."""
    import_open_clip()
    from open_clip.modified_resnet import ModifiedResNet

    tower: nn.Module = ModifiedResNet(
        layers=LAYERS, output_dim=DIM, heads=WIDTH * 32 // 64, image_size=image_size, width=WIDTH
    )
    return tower.to(memory_format=torch.channels_last)


class TextHead(nn.Module):  # type: ignore[misc]
    """A linear map from sentence embeddings into the images' space, with the loss's scale and bias."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(TEXT_DIM, DIM)
        self.log_scale = nn.Parameter(torch.tensor(2.3))
        self.bias = nn.Parameter(torch.tensor(-4.0))

    def forward(self, sentences: torch.Tensor) -> torch.Tensor:
        """Shapes: (n, TEXT_DIM) -> (n, DIM), rows of length 1."""
        return functional.normalize(self.linear(sentences), dim=-1)

    def logits(self, images: torch.Tensor, sentences: torch.Tensor) -> torch.Tensor:
        """Shapes: unit images (b, DIM), sentences (c, TEXT_DIM) -> (b, c)."""
        return images @ self(sentences).T * self.log_scale.exp() + self.bias
