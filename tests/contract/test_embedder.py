"""The Embedder port, over boto3 and a real endpoint process: what every implementation must do."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest

from sightline.contracts.inference import SheetLayout
from sightline.errors import EndpointRefusedError, EndpointUnavailableError
from sightline.ports.inference import Embedder, Embedding
from sightline.providers.sagemaker import SageMakerEmbedder
from tests.endpoint_process import EndpointProcess, running_endpoint
from tests.pictures import frame, sheet

pytestmark = pytest.mark.contract


@contextmanager
def embedder_for(model: str = "scenes-rn-128e") -> Iterator[Embedder]:
    """An embedder of its own, with nothing remembered."""
    with closing(SageMakerEmbedder(endpoint_name="sightline-test", model=model)) as made:
        yield made


@pytest.fixture
def embedder(inference_endpoint: EndpointProcess, monkeypatch: pytest.MonkeyPatch) -> Iterator[Embedder]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", inference_endpoint.url)
    with embedder_for() as made:
        yield made


def lengths(embedding: Embedding) -> np.ndarray:
    return np.linalg.norm(embedding.vectors.astype(np.float32), axis=1)


def test_texts_become_unit_vectors_in_order(embedder: Embedder) -> None:
    together = embedder.embed_texts(["a truck ahead", "night", "a truck ahead"])
    assert (together.model_id, together.dim) == ("scenes-rn-128e", 256)
    assert together.vectors.shape == (3, 256)
    assert lengths(together) == pytest.approx(1, abs=2e-3)
    assert np.array_equal(together.vectors[0], together.vectors[2])
    assert not np.array_equal(together.vectors[0], together.vectors[1])


def test_a_text_has_one_vector_whatever_its_company(embedder: Embedder) -> None:
    long = "a pedestrian crosses a wet road between parked cars " * 20
    together = embedder.embed_texts(["cyclist", long, "heavy rain on the motorway"])
    with embedder_for() as another:
        alone = another.embed_texts(["cyclist"])
    assert float(together.vectors[0].astype(float) @ alone.vectors[0].astype(float)) > 0.999


def test_many_texts_take_several_calls(embedder: Embedder) -> None:
    texts = [f"truck number {number}" for number in range(300)]
    assert embedder.embed_texts(texts).vectors.shape == (300, 256)


def test_known_texts_are_answered_without_the_endpoint(
    models_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedder_for() as embedder:
        with running_endpoint(models_home) as endpoint:
            monkeypatch.setenv("AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", endpoint.url)
            first = embedder.embed_texts(["a bus", "a tram"])
        again = embedder.embed_texts(["a tram"])
        assert np.array_equal(again.vectors[0], first.vectors[1])
        with pytest.raises(EndpointUnavailableError) as caught:
            embedder.embed_texts(["a tram", "a bicycle"])
    assert caught.value.retryable


def test_a_tile_has_one_vector_alone_and_in_a_sheet(embedder: Embedder) -> None:
    frames = [frame(seed) for seed in range(20)]
    together = embedder.embed_sheet(*sheet(frames))
    assert together.vectors.shape == (20, 256)
    assert lengths(together) == pytest.approx(1, abs=2e-3)
    for place in (0, 7, 8, 19):
        alone = embedder.embed_sheet(*sheet([frames[place]], columns=1))
        assert float(together.vectors[place].astype(float) @ alone.vectors[0].astype(float)) > 0.98


def test_texts_and_sheets_share_a_space(embedder: Embedder) -> None:
    text = embedder.embed_texts(["a red car"])
    picture = embedder.embed_sheet(*sheet([frame(1)], columns=1))
    assert (text.model_id, text.revision, text.dim) == (picture.model_id, picture.revision, picture.dim)


@pytest.mark.parametrize("jpeg", [b"no picture", b"\xff\xd8\xff\xe0 cut short", b"x" * (6 * 1024 * 1024 + 1)])
def test_what_is_no_sheet_is_refused_for_good(embedder: Embedder, jpeg: bytes) -> None:
    layout = SheetLayout(columns=1, tile_width=448, tile_height=256, tiles=1)
    with pytest.raises(EndpointRefusedError) as caught:
        embedder.embed_sheet(jpeg, layout)
    assert not caught.value.retryable


@pytest.mark.parametrize("texts", [[" "], ["x" * 10_001]])
def test_texts_that_mean_nothing_are_refused_for_good(embedder: Embedder, texts: list[str]) -> None:
    with pytest.raises(EndpointRefusedError):
        embedder.embed_texts(texts)


def test_another_model_than_asked_for_is_refused(embedder: Embedder) -> None:
    with embedder_for("another-model") as other, pytest.raises(EndpointRefusedError, match="not served here"):
        other.embed_texts(["a car"])
