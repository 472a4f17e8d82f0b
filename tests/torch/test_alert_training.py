"""What trains the alert heads: several that answer as one, and classes that count by how rare they are."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from gpu_endpoint.models.alert_features import SIZE
from gpu_endpoint.training.alerts.export import export_head
from gpu_endpoint.training.alerts.heads import ClassHead, Committee, EntityHead
from gpu_endpoint.training.alerts.states import STATE, TAGS
from gpu_endpoint.training.alerts.train import balance

TOKENS = 9


def inputs(seed: int) -> tuple[torch.Tensor, ...]:
    """Two texts, the second of them shorter. Shapes: (2, TOKENS, ...)."""
    generator = torch.Generator().manual_seed(seed)
    states = torch.randn(2, TOKENS, STATE, generator=generator)
    features = torch.randint(0, 2, (2, TOKENS, SIZE), generator=generator).float()
    mask = torch.ones(2, TOKENS)
    mask[1, 5:] = 0
    return states, features, mask


def members(kind: type) -> list[torch.nn.Module]:
    """Two that differ in their seed."""
    made = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        made.append(kind().eval())
    return made


def test_a_committee_says_the_mean_of_what_its_members_say() -> None:
    one, other = members(EntityHead)
    together = Committee([one, other]).eval()(*inputs(0))
    assert together.shape == (2, TOKENS, len(TAGS))
    assert torch.allclose(together, (one(*inputs(0)) + other(*inputs(0))) / 2, atol=1e-5)


def test_it_does_so_on_every_axis_of_the_classes() -> None:
    one, other = members(ClassHead)
    for said, a, b in zip(
        Committee([one, other]).eval()(*inputs(0)), one(*inputs(0)), other(*inputs(0)), strict=True
    ):
        assert torch.allclose(said, (a + b) / 2, atol=1e-5)


def test_it_is_exported_as_one_graph(tmp_path: Path) -> None:
    together, path = Committee(members(EntityHead)).eval(), tmp_path / "head.onnx"
    export_head(together, path, outputs=["tags"], about={})
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    names = ("states", "features", "mask")
    given = {name: value.numpy() for name, value in zip(names, inputs(3), strict=True)}
    [said] = session.run(["tags"], given)
    assert np.allclose(said, together(*inputs(3)).detach().numpy(), atol=1e-4)


def test_rare_classes_count_more_and_all_together_count_as_before() -> None:
    truth = np.array([0] * 75 + [1] * 20 + [2] * 5)
    weights = balance(truth).numpy()
    assert weights[0] < weights[1] < weights[2]
    assert weights[truth].mean() == pytest.approx(1)
