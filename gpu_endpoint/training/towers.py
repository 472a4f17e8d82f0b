"""The image tower and the text head, in torch."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

from gpu_endpoint.models.open_clip_import import import_open_clip

WIDTH, DIM, TEXT_DIM = 32, 256, 384
LAYERS = (1, 1, 1, 1)
POSITIONS = "attnpool.positional_embedding"

State = dict[str, torch.Tensor]


class MixedNorm(nn.Module):  # type: ignore[misc]
    """Half of the channels normalised per picture, half per batch.

    What is normalised per picture does not depend on contrast and colour cast, so it carries over to other
    cameras; the other half keeps what they tell, such as night. Source: Pan et al. 2018, IBN-Net (IBN-a).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.half = channels // 2
        self.per_picture = nn.GroupNorm(self.half, self.half)
        self.per_batch = nn.BatchNorm2d(channels - self.half)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Shapes: (n, channels, h, w) both."""
        first, second = x[:, : self.half], x[:, self.half :]
        return torch.cat([self.per_picture(first).to(x.dtype), self.per_batch(second)], dim=1)


def image_tower(image_size: int) -> nn.Module:
    """open_clip's ModifiedResNet, small, with mixed norms: 5.4 million weights."""
    import_open_clip()
    from open_clip.modified_resnet import ModifiedResNet

    tower: nn.Module = ModifiedResNet(
        layers=LAYERS, output_dim=DIM, heads=WIDTH * 32 // 64, image_size=image_size, width=WIDTH
    )
    for layer in (tower.layer1, tower.layer2, tower.layer3):
        for block in layer:
            block.bn1 = MixedNorm(block.bn1.num_features)
    return tower.to(memory_format=torch.channels_last)


def resized(state: State, image_size: int) -> State:
    """A tower's weights for another picture size: only the positions of the last pooling depend on it."""
    positions = state[POSITIONS]
    side, old = image_size // 32, round((len(positions) - 1) ** 0.5)
    if side == old:
        return state
    grid = positions[1:].T.reshape(1, -1, old, old)
    grid = functional.interpolate(grid, size=(side, side), mode="bilinear", align_corners=False)
    return state | {POSITIONS: torch.cat([positions[:1], grid.reshape(-1, side * side).T])}


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
