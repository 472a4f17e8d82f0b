"""Cursors survive the trip and nothing else passes for one."""

from contextlib import suppress
from string import printable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sightline.cursor import MAX_CURSOR_CHARS, decode_cursor, encode_cursor, next_page
from sightline.errors import InvalidCursorError

pytestmark = pytest.mark.unit


@given(
    text=st.text(max_size=200), number=st.integers(), share=st.floats(allow_nan=False, allow_infinity=False)
)
def test_a_position_survives_the_trip(text: str, number: int, share: float) -> None:
    cursor = encode_cursor(text, number, share)
    assert cursor.isascii()
    assert decode_cursor(cursor, (str, int, float)) == (text, number, share)


@given(st.one_of(st.text(max_size=300), st.text(alphabet=printable, max_size=300)))
def test_what_we_did_not_give_is_refused_cleanly(cursor: str) -> None:
    with pytest.raises(InvalidCursorError):
        decode_cursor(cursor, (str, int))


@given(st.integers(0, 60), st.integers(0, 255))
def test_a_changed_byte_never_raises_anything_else(position: int, byte: int) -> None:
    cursor = bytearray(encode_cursor("2026-11-20T12:00:00Z", 7).encode())
    cursor[position % len(cursor)] = byte
    with suppress(InvalidCursorError):  # refused, or decoded to another position: both are fine
        decode_cursor(cursor.decode("latin-1"), (str, int))


def test_types_are_compared_exactly() -> None:
    for position in ((True,), ("1",), (1.0,), (None,), (1, 1), ()):
        with pytest.raises(InvalidCursorError):
            decode_cursor(encode_cursor(*position), (int,))
    with pytest.raises(InvalidCursorError):
        decode_cursor("A" * (MAX_CURSOR_CHARS + 1), (int,))


def test_a_page_has_a_next_one_only_if_a_row_was_left_over() -> None:
    rows = [{"id": number} for number in range(3)]
    assert next_page(rows[:2], 2, "id") == (rows[:2], None)
    page, cursor = next_page(rows, 2, "id")
    assert page == rows[:2]
    assert decode_cursor(cursor or "", (int,)) == (1,)
    assert next_page([], 2, "id") == ([], None)
