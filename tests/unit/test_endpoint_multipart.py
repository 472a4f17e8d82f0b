"""Pictures as the files of a form: read back byte for byte, or refused."""

from contextlib import suppress
from encodings.aliases import aliases

import pytest
from hypothesis import given, strategies

from gpu_endpoint.errors import InvalidFieldError, MalformedBodyError
from gpu_endpoint.multipart import read_pictures

pytestmark = pytest.mark.unit

KIND = 'multipart/form-data; boundary="b-1"'
HEAD = b'Content-Disposition: form-data; name="image"; filename="a.jpg"\r\nContent-Type: image/jpeg'


def body(*files: bytes, head: bytes = HEAD) -> bytes:
    parts = [b"--b-1\r\n" + head + b"\r\n\r\n" + file + b"\r\n" for file in files]
    return b"".join(parts) + b"--b-1--\r\n"


@given(strategies.lists(strategies.binary(max_size=40), min_size=1, max_size=4))
def test_files_come_back_as_they_were(files: list[bytes]) -> None:
    sent = [file for file in files if b"--b-1" not in file]
    if sent:
        assert read_pictures(KIND, body(*sent)) == sent


def test_what_stands_around_the_parts_is_left_out() -> None:
    assert read_pictures(KIND, b"preamble\r\n" + body(b"\x00\r\n\r\n--\xff") + b"epilogue") == [
        b"\x00\r\n\r\n--\xff"
    ]


@pytest.mark.parametrize(
    ("kind", "sent"),
    [
        ("multipart/form-data", body(b"x")),
        ("multipart/form-data; boundary=other", body(b"x")),
        ("multipart/form-data; boundary*=undefined'en'b-1", body(b"x")),
        ("multipart/form-data; boundary*=idna'en'b-1", body(b"x")),
        ("multipart/form-data; boundary*=utf-16'en'b-1", body(b"x")),
        (KIND, b""),
        (KIND, b"--b-1--\r\n"),
        (KIND, body(b"x")[:-4]),
        (KIND, b"--b-1\r\nno headers\r\n--b-1--"),
        (KIND, b"--b-1 \r\n\r\nx\r\n--b-1--"),
    ],
)
def test_a_body_without_whole_parts_is_refused(kind: str, sent: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        read_pictures(kind, sent)


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="file"',
        b"Content-Disposition: form-data",
        b"Content-Type: image/jpeg",
        b"Content-Disposition: form-data; name*=utf-8''image",
    ],
)
def test_a_part_of_another_name_is_refused(head: bytes) -> None:
    with pytest.raises(InvalidFieldError, match="part 0"):
        read_pictures(KIND, body(b"x", head=head))


def test_too_many_are_refused() -> None:
    assert len(read_pictures(KIND, body(*[b"x"] * 64))) == 64
    with pytest.raises(InvalidFieldError, match="at most 64"):
        read_pictures(KIND, body(*[b"x"] * 65))


ENCODED = [f"*={name}'en'b-1" for name in sorted({*aliases.values(), "undefined", "nobody", ""})]


@pytest.mark.parametrize("said", ENCODED)
def test_a_boundary_in_any_encoding_is_read_or_refused(said: str) -> None:
    with suppress(MalformedBodyError):
        assert read_pictures(f"multipart/form-data; boundary{said}", body(b"x")) == [b"x"]


@given(strategies.binary(max_size=60), strategies.integers(0, 200), strategies.text(max_size=40))
def test_any_damage_is_refused_or_read(noise: bytes, place: int, kind: str) -> None:
    whole = body(b"one", b"two")
    for said in (KIND, f"multipart/form-data; boundary={kind}"):
        with suppress(MalformedBodyError, InvalidFieldError):
            assert read_pictures(said, whole[:place] + noise + whole[place:])
