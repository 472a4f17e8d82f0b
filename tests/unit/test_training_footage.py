"""Real footage: a frame in the company of its neighbours, and of no other clip's."""

import numpy as np
import pytest

from gpu_endpoint.training.footage import NEAR_S, STEP_S, with_neighbours

pytestmark = pytest.mark.unit


def test_frames_are_averaged_within_their_clip_and_reach() -> None:
    assert NEAR_S / STEP_S == 2
    vectors = np.array([[1.0], [2.0], [3.0], [4.0], [100.0], [300.0]], np.float32)
    clips = np.array(["a", "a", "a", "a", "b", "b"])
    assert with_neighbours(vectors, clips).ravel().tolist() == [2.0, 2.5, 2.5, 3.0, 200.0, 200.0]
