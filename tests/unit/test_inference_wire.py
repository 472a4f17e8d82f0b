"""The wire shapes: what one side writes the other reads, and nothing else gets through."""

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sightline.contracts.inference import (
    MAX_TEXT_CHARS,
    MAX_TEXTS,
    EmbeddingHeader,
    ModelPin,
    SheetLayout,
    TextRequest,
    WireError,
    decode_npy,
    encode_npy,
    read_sheet_attributes,
)

pytestmark = pytest.mark.unit

layouts = st.builds(
    SheetLayout,
    columns=st.integers(1, 64),
    tile_width=st.integers(16, 2048),
    tile_height=st.integers(16, 2048),
    tiles=st.integers(1, 64),
)


@given(layouts)
def test_a_layout_survives_the_header(layout: SheetLayout) -> None:
    assert SheetLayout.parse(layout.to_attributes()) == layout


def test_a_pin_travels_with_the_layout() -> None:
    layout = SheetLayout(columns=8, tile_width=448, tile_height=256, tiles=60)
    attributes = layout.to_attributes(ModelPin(model="scenes-rn-128e", revision="abc"))
    assert attributes == (
        "task=embed_image;columns=8;tile_width=448;tile_height=256;tiles=60;model=scenes-rn-128e;revision=abc"
    )
    assert read_sheet_attributes(attributes)[1] == {"model": "scenes-rn-128e", "revision": "abc"}


@pytest.mark.parametrize(
    "attributes",
    [
        "",
        "columns=8",
        "task=embed_text;columns=8;tile_width=448;tile_height=256;tiles=60",
        "task=embed_image;columns",
        "task=embed_image;columns=8;columns=9;tile_width=448;tile_height=256;tiles=60",
        "task=embed_image;columns=8;tile_width=448;tile_height=256;tiles=65",
        "task=embed_image;columns=0;tile_width=448;tile_height=256;tiles=1",
        "task=embed_image;columns=8;tile_width=448;tile_height=256;tiles=1;colour=red",
        "task=embed_image;columns=eight;tile_width=448;tile_height=256;tiles=1",
    ],
)
def test_other_attributes_are_refused(attributes: str) -> None:
    with pytest.raises((WireError, ValidationError)):
        SheetLayout.parse(attributes)


def test_a_lone_short_row_may_be_as_wide_as_its_tiles() -> None:
    layout = SheetLayout(columns=8, tile_width=448, tile_height=256, tiles=3)
    assert layout.sizes == {(8 * 448, 256), (3 * 448, 256)}
    assert SheetLayout(columns=8, tile_width=448, tile_height=256, tiles=9).sizes == {(8 * 448, 512)}


@given(st.integers(1, 20), st.integers(1, 64), st.integers(0, 2**32 - 1))
def test_vectors_survive_npy(rows: int, dim: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    again = decode_npy(encode_npy(vectors), rows=rows, dim=dim)
    assert np.array_equal(again, vectors.astype(np.float16))


def saved(array: np.ndarray, **options: bool) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\x93NUMPY",
        b"not an array at all",
        saved(np.zeros((2, 3), np.float16))[:-1],
        saved(np.zeros((2, 3), np.float16)) + b"\0",
        saved(np.zeros((3, 2), np.float16)),
        saved(np.zeros((2, 3), np.float32)),
        saved(np.asfortranarray(np.zeros((2, 3), np.float16))),
        saved(np.array([[{}, {}, {}], [{}, {}, {}]], dtype=object), allow_pickle=True),
    ],
)
def test_other_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(WireError):
        decode_npy(body, rows=2, dim=3)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_or_read(body: bytes) -> None:
    with pytest.raises(WireError):
        decode_npy(b"\x93NUMPY\x01\x00" + body, rows=2, dim=3)


@pytest.mark.parametrize(
    "texts", [[], [""], ["a", "  \n"], ["x" * (MAX_TEXT_CHARS + 1)], ["x"] * (MAX_TEXTS + 1)]
)
def test_texts_that_cannot_be_embedded_are_refused(texts: list[str]) -> None:
    with pytest.raises(ValidationError):
        TextRequest(texts=texts)


def test_the_header_says_who_answered() -> None:
    header = EmbeddingHeader(model="ViT-B-32/laion2b_s34b_b79k", revision="abc", precision="int8", dim=512)
    assert EmbeddingHeader.parse(header.to_attributes()) == header
