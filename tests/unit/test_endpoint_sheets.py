"""Contact sheets: cut where the layout says, shrunk without leaking, refused when they are something else."""

import io

import numpy as np
import pytest
from PIL import Image

from gpu_endpoint.errors import UnreadableImageError, WrongLayoutError
from gpu_endpoint.models.config import ImageInput
from gpu_endpoint.models.sheets import cut_tiles, normalised, reduction
from sightline.contracts.inference import SheetLayout
from tests.pictures import frame, jpeg, sheet, with_more_scans

pytestmark = pytest.mark.unit

SQUASH = ImageInput(size=96, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), fit="squash", resample="box")
CROP = ImageInput(size=224, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4), fit="crop", resample="bicubic")


def test_tiles_come_in_reading_order_and_do_not_leak() -> None:
    colours = [(index * 10, 255 - index * 10, 128) for index in range(11)]
    body, layout = sheet([Image.new("RGB", (448, 256), colour) for colour in colours], columns=4)
    for image in (SQUASH, CROP):
        tiles = cut_tiles(body, layout, image)
        assert tiles.shape == (11, image.size, image.size, 3)
        for tile, colour in zip(tiles, colours, strict=True):
            inside = tile[2:-2, 2:-2].astype(
                int
            )  # JPEG keeps colour at half resolution: edges see a neighbour
            assert np.abs(inside - colour).max() <= 4


def test_shrinking_in_the_decoder_changes_little() -> None:
    picture = frame(3)
    body, layout = sheet([picture] * 2, columns=2)
    assert reduction(layout, SQUASH) == 2
    assert reduction(layout, CROP) == 1
    whole = np.asarray(picture.resize((96, 96), Image.Resampling.BOX), int)
    assert np.abs(cut_tiles(body, layout, SQUASH)[1] - whole).mean() < 2


def test_blocks_that_would_straddle_tiles_are_not_shrunk() -> None:
    odd = SheetLayout(columns=2, tile_width=1000, tile_height=1000, tiles=2)
    assert reduction(odd, SQUASH) == 1
    assert reduction(odd.model_copy(update={"tile_width": 1024, "tile_height": 1024}), SQUASH) == 8


def test_a_crop_takes_the_middle_square() -> None:
    picture = Image.new("RGB", (512, 256), "red")
    picture.paste(Image.new("RGB", (256, 256), "blue"), (128, 0))
    body, layout = sheet([picture], columns=1)
    red, _, blue = cut_tiles(body, layout, CROP)[0].reshape(-1, 3).mean(axis=0)
    assert blue > 240
    assert red < 15


def test_pixels_are_normalised_per_channel() -> None:
    pixels = np.full((1, 2, 2, 3), 51, np.uint8)
    values = normalised(pixels, SQUASH)
    assert values.shape == (1, 3, 2, 2)
    assert values[0, :, 0, 0] == pytest.approx([(0.2 - 0.5) / 0.2, (0.2 - 0.4) / 0.3, (0.2 - 0.3) / 0.4])


def test_grey_and_cmyk_jpegs_are_read_as_rgb() -> None:
    layout = SheetLayout(columns=1, tile_width=128, tile_height=128, tiles=1)
    for mode in ("L", "CMYK"):
        assert cut_tiles(jpeg(Image.new(mode, (128, 128))), layout, SQUASH).shape == (1, 96, 96, 3)


def png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (448, 256)).save(buffer, "PNG")
    return buffer.getvalue()


GOOD = jpeg(frame(1))
ONE = SheetLayout(columns=1, tile_width=448, tile_height=256, tiles=1)


@pytest.mark.parametrize(
    "body", [b"", b"GIF89a", b"\xff\xd8\xff", GOOD[: len(GOOD) // 2], b"\0" * 5000, png()]
)
def test_what_is_no_whole_jpeg_is_refused(body: bytes) -> None:
    with pytest.raises(UnreadableImageError):
        cut_tiles(body, ONE, SQUASH)


@pytest.mark.parametrize(
    "change",
    [{"tile_width": 432}, {"tile_height": 272}, {"tiles": 2}, {"columns": 2, "tiles": 2}],
)
def test_a_layout_of_another_sheet_is_refused(change: dict[str, int]) -> None:
    with pytest.raises(WrongLayoutError):
        cut_tiles(GOOD, ONE.model_copy(update=change), SQUASH)


def test_a_bomb_is_refused_before_a_pixel_is_decoded() -> None:
    bomb = bytearray(jpeg(Image.new("L", (64, 64))))
    header = bomb.index(b"\xff\xc0")  # start of frame: height and width as two big-endian numbers
    bomb[header + 5 : header + 9] = (65_000).to_bytes(2, "big") * 2
    layout = SheetLayout(columns=8, tile_width=2048, tile_height=2048, tiles=64)
    with pytest.raises(UnreadableImageError, match="pixels"):
        cut_tiles(bytes(bomb), layout, SQUASH)


def test_a_bomb_of_scans_is_refused_before_a_pixel_is_decoded() -> None:
    assert cut_tiles(with_more_scans(frame(1), 0), ONE, SQUASH).shape == (1, 96, 96, 3)
    with pytest.raises(UnreadableImageError, match="the sheet has more than 64 scans"):
        cut_tiles(with_more_scans(frame(1), 5_000), ONE, SQUASH)
