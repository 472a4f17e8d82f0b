"""Whole image files: read as people see them, bounded before a pixel is decoded, refused by their place."""

import io
import struct
import subprocess
import sys
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from gpu_endpoint.errors import UnreadableImageError, WrongLayoutError
from gpu_endpoint.models import jpegs, pictures
from gpu_endpoint.models.config import ImageInput
from gpu_endpoint.models.pictures import fit_pictures
from gpu_endpoint.models.sheets import cut_tiles
from tests.pictures import frame, sheet, with_more_scans

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


def test_a_photograph_with_more_behind_it_is_that_photograph() -> None:
    """Phones and drones: brightness or depth comes as a second JPEG, a film after the end."""
    plain_jpeg = saved(frame(1, (96, 64)), "JPEG")
    second = frame(2, (48, 32))
    several = saved(frame(1, (96, 64)), "MPO", save_all=True, append_images=[second, second])
    exif = Image.Exif()
    exif[0x0112] = 3
    turned = saved(frame(1, (96, 64)).rotate(180), "MPO", save_all=True, append_images=[second], exif=exif)
    moving = plain_jpeg + b"\0\0\0\x18ftypmp42" + b"\xff\xda\0\2" * 5_000
    alone, *others = fit_pictures([plain_jpeg, several, moving, turned], SQUASH)
    for other in others:
        assert np.abs(other.astype(int) - alone).max() <= 8


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


def thumbnailed(picture: Image.Image, thumbnail: bytes) -> bytes:
    """As cameras write it: a JPEG within a segment of a JPEG."""
    file = saved(picture, "JPEG", progressive=True)
    held = b"Exif\0\0MM\0\x2a\0\0\0\x08\0\0\0\0\0\0" + thumbnail
    return file[:2] + b"\xff\xe1" + (len(held) + 2).to_bytes(2, "big") + held + file[2:]


def test_a_bomb_of_scans_is_refused_and_a_progressive_jpeg_is_read() -> None:
    progressive = with_more_scans(frame(1, (96, 64)), 0)
    assert progressive.count(b"\xff\xda") > 5
    camera = thumbnailed(frame(1, (96, 64)), with_more_scans(frame(2, (32, 24)), 70))
    assert camera.count(b"\xff\xda") > jpegs.MAX_SCANS
    first, second, third = fit_pictures([saved(frame(1, (96, 64)), "JPEG"), progressive, camera], SQUASH)
    assert np.abs(second.astype(int) - first).max() <= 8
    assert np.array_equal(second, third)
    with pytest.raises(UnreadableImageError, match="picture 1 has more than 64 scans"):
        fit_pictures([progressive, with_more_scans(frame(1, (96, 64)), 5_000)], SQUASH)


def test_a_jpeg_of_comments_is_refused() -> None:
    with pytest.raises(UnreadableImageError, match="picture 0 has more than 1,024 segments"):
        fit_pictures([GOOD[:2] + b"\xff\xfe\0\2" * 5_000 + GOOD[2:]], SQUASH)


PEAKS = """
import io, resource
from PIL import Image
from gpu_endpoint.models.config import ImageInput
from gpu_endpoint.models.pictures import fit_pictures
file = io.BytesIO()
Image.new({mode!r}, (4_000, 4_000)).save(file, "PNG", compress_level=1)
image = ImageInput(size=32, mean=(0, 0, 0), std=(1, 1, 1), fit="squash", resample="box")
for count in (1, 6):
    fit_pictures([file.getvalue()] * count, image)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.parametrize("mode", ["RGBA", "RGB", "I;16"])
def test_six_pictures_take_no_more_memory_than_one(mode: str) -> None:
    """In a process of its own: nothing else has had its memory."""
    said = subprocess.run(
        [sys.executable, "-c", PEAKS.format(mode=mode)], capture_output=True, text=True, check=True
    )
    one, six = map(int, said.stdout.split())
    assert six < 1.2 * one


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
