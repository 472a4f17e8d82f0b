"""A reading of many runbooks outlasts an endpoint that is busy."""

from collections.abc import Sequence

import numpy as np
import pytest

from sightline.errors import EndpointUnavailableError
from sightline.incidents.runbooks.embedding import AT_ONCE, PAUSES_S, PatientEmbedder
from sightline.ports.inference import Embedding

pytestmark = pytest.mark.unit


class BusyEmbedder:
    """Turns so many calls away; each text's vector holds its length."""

    def __init__(self, *, busy: int = 0, revisions: Sequence[str] = ("r1",)) -> None:
        self.busy = busy
        self.revisions = revisions
        self.calls: list[int] = []

    def embed_texts(self, texts: Sequence[str]) -> Embedding:
        if self.busy:
            self.busy -= 1
            raise EndpointUnavailableError
        self.calls.append(len(texts))
        revision = self.revisions[min(len(self.calls), len(self.revisions)) - 1]
        vectors = np.array([[float(len(text))] for text in texts], np.float32)
        return Embedding("model", revision, 1, vectors)


def test_many_texts_are_asked_for_in_small_calls_and_come_back_in_order() -> None:
    model = BusyEmbedder()
    texts = ["x" * number for number in range(2 * AT_ONCE + 3)]
    embedding = PatientEmbedder(model).embed_texts(texts)
    assert model.calls == [AT_ONCE, AT_ONCE, 3]
    assert embedding.vectors[:, 0].tolist() == [float(number) for number in range(len(texts))]


def test_a_busy_endpoint_is_asked_again_with_growing_pauses() -> None:
    paused: list[float] = []
    PatientEmbedder(BusyEmbedder(busy=3), pause=paused.append).embed_texts(["a"])
    assert paused == list(PAUSES_S[:3])


def test_one_that_stays_away_fails_the_reading_so_that_its_message_comes_again() -> None:
    paused: list[float] = []
    with pytest.raises(EndpointUnavailableError):
        PatientEmbedder(BusyEmbedder(busy=99), pause=paused.append).embed_texts(["a"])
    assert paused == list(PAUSES_S)


def test_vectors_of_two_revisions_are_not_mixed() -> None:
    with pytest.raises(EndpointUnavailableError, match="changed its model"):
        PatientEmbedder(BusyEmbedder(revisions=("r1", "r2"))).embed_texts(["a"] * (AT_ONCE + 1))
