"""Whole image files: read as people see them, bounded before a pixel is decoded, refused by their place."""

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gpu_endpoint.errors import UnreadableImageError, WrongLayoutError
from gpu_endpoint.models import pictures
from gpu_endpoint.models.config import ImageInput
from gpu_endpoint.models.pictures import fit_pictures
from gpu_endpoint.models.sheets import cut_tiles
from tests.pictures import frame, sheet

pytestmark = pytest.mark.unit

SQUASH = ImageInput(size=32, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), fit="squash", resample="box")


def saved(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def plain(colour: Any = (200, 100, 50), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, (64, 48), colour)


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        (saved(plain()), (200, 100, 50)),
        (saved(plain(), "JPEG", quality=95), (200, 100, 50)),
        (saved(plain(), "WEBP", lossless=True), (200, 100, 50)),
        (saved(plain().quantize(4)), (200, 100, 50)),
        (saved(plain((200, 100, 50, 255), "RGBA")), (200, 100, 50)),
        (saved(plain(120, "L")), (120, 120, 120)),
        (saved(plain(1, "1")), (255, 255, 255)),
        (saved(plain().convert("CMYK"), "JPEG", quality=95), (200, 100, 50)),
        (saved(plain(30_000, "I;16")), (117, 117, 117)),
    ],
)
def test_every_kind_of_pixel_becomes_rgb(file: bytes, expected: tuple[int, int, int]) -> None:
    assert np.abs(fit_pictures([file], SQUASH)[0].astype(int) - expected).max() <= 6


def test_pictures_come_in_order_and_the_right_way_up() -> None:
    lying = Image.new("RGB", (64, 64), "red")
    lying.paste(Image.new("RGB", (64, 32), "blue"), (0, 0))
    exif = Image.Exif()
    exif[0x0112] = 3  # turned by 180 degrees
    first, second = fit_pictures([saved(lying, "JPEG", exif=exif), saved(plain())], SQUASH)
    assert first[4, 16, 0] > 200
    assert first[28, 16, 2] > 200
    assert second[16, 16].tolist() == [200, 100, 50]


def animated(kind: str) -> bytes:
    return saved(plain("red"), kind, save_all=True, append_images=[plain("blue")], duration=100)


def png_of(width: int, height: int) -> bytes:
    """A PNG that says it is that large, and holds nothing."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    return (
        b"\x89PNG\r\n\x1a\n" + chunk + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    )


GOOD = saved(frame(1, (96, 64)), "JPEG")
PNG = saved(frame(1, (96, 64)))
WEBP = saved(frame(1, (96, 64)), "WEBP")


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "is no JPEG"),
        (b"GIF89a" + bytes(50), "is no JPEG"),
        (saved(plain(), "BMP"), "is no JPEG"),
        (animated("GIF"), "is no JPEG"),
        (animated("PNG"), "animated"),
        (animated("WEBP"), "animated"),
        (GOOD[: len(GOOD) // 2], "cut short or damaged"),
        (PNG[: len(PNG) // 2], "cut short or damaged"),
        (WEBP[: len(WEBP) // 2], "picture 1"),
        (png_of(60_000, 60_000), "more than 40,000,000 pixels"),
        (png_of(8_000, 8_000), "more than 40,000,000 pixels"),
        (png_of(0, 8), "is no JPEG"),
    ],
)
def test_what_cannot_be_read_is_refused_by_its_place(file: bytes, said: str) -> None:
    with pytest.raises(UnreadableImageError, match=said) as refusal:
        fit_pictures([GOOD, file], SQUASH)
    assert "picture 1" in refusal.value.detail
    assert not refusal.value.retryable


def test_many_large_pictures_are_too_many_together() -> None:
    with pytest.raises(UnreadableImageError, match="together"):
        fit_pictures([png_of(6_000, 6_000)] * (pictures.MAX_PIXELS // 36_000_000 + 1), SQUASH)


BODY, LAYOUT = sheet([frame(seed, (64, 48)) for seed in range(4)], columns=2)


@st.composite
def mutated(draw: st.DrawFn, body: bytes) -> bytes:
    """The file with some bytes changed, cut out or doubled, mostly where it begins."""
    damaged = bytearray(body)
    for _ in range(draw(st.integers(1, 8))):
        reach = draw(st.sampled_from([64, 700, len(damaged)]))
        place = draw(st.integers(0, max(0, min(reach, len(damaged)) - 1)))
        kind = draw(st.sampled_from(["byte", "cut", "twice", "end"]))
        if kind == "byte" and damaged:
            damaged[place] = draw(st.integers(0, 255))
        elif kind == "cut":
            del damaged[place : place + draw(st.integers(1, 40))]
        elif kind == "twice":
            damaged[place:place] = damaged[place : place + draw(st.integers(1, 40))]
        else:
            del damaged[place:]
    return bytes(damaged)


FUZZ = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it then refuses or repairs
@FUZZ
@given(st.one_of(mutated(GOOD), mutated(PNG), mutated(WEBP), st.binary(max_size=200)))
def test_any_damage_is_refused_or_read(file: bytes) -> None:
    try:
        fitted = fit_pictures([file], SQUASH)
    except UnreadableImageError:
        return
    assert fitted.shape == (1, 32, 32, 3)


@pytest.mark.filterwarnings("ignore")
@FUZZ
@given(mutated(BODY))
def test_any_damage_to_a_sheet_is_refused_or_read(body: bytes) -> None:
    try:
        tiles = cut_tiles(body, LAYOUT, SQUASH)
    except (UnreadableImageError, WrongLayoutError):
        return
    assert tiles.shape == (4, 32, 32, 3)
