"""Whole image files to the networks' input: bounded before they are decoded, and read as people see them."""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from gpu_endpoint.errors import UnreadableImageError
from gpu_endpoint.models.config import ImageInput
from gpu_endpoint.models.jpegs import refuse_bomb
from gpu_endpoint.models.sheets import Pixels, fit_tile

FORMATS = ("JPEG", "PNG", "WEBP")
ANIMATED = ("PNG", "WEBP")
"""What may be. A JPEG of several is a photograph: depth, brightness or a preview come after it (MPO)."""
MAX_PICTURE_PIXELS = 40_000_000  # a camera of 40 megapixels
MAX_PIXELS = 160_000_000  # of a request: two seconds of decoding, by reckoning seven where each has MAX_SCANS
# What Pillow raises for bytes it cannot make sense of, beside OSError.
DAMAGED = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    struct.error,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
)


def fit_pictures(files: Sequence[bytes], image: ImageInput) -> Pixels:
    """Shapes: n files -> (n, size, size, 3). Raises: UnreadableImageError, naming the place."""
    opened, pixels = [], 0
    for place, file in enumerate(files):
        picture = open_picture(file, place)
        pixels += picture.width * picture.height
        if pixels > MAX_PIXELS:
            raise UnreadableImageError(f"the pictures have more than {MAX_PIXELS:,} pixels together")
        opened.append(picture)
    fitted = np.empty((len(files), image.size, image.size, 3), np.uint8)
    for place, picture in enumerate(opened):
        fitted[place] = np.asarray(fit_tile(decode(picture, place, image.size), image))
        picture.close()  # its pixels would stay until the last picture's do
    return fitted


def open_picture(file: bytes, place: int) -> Image.Image:
    """The file's header, before any pixel is decoded. Raises: UnreadableImageError."""
    refuse_bomb(file, f"picture {place}")
    too_large = f"picture {place} has more than {MAX_PICTURE_PIXELS:,} pixels"
    try:
        picture = Image.open(io.BytesIO(file), formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise UnreadableImageError(too_large) from error
    except (UnidentifiedImageError, *DAMAGED) as error:
        raise UnreadableImageError(f"picture {place} is no {', '.join(FORMATS)}") from error
    if picture.width * picture.height > MAX_PICTURE_PIXELS:
        raise UnreadableImageError(too_large)
    if picture.format in ANIMATED and getattr(picture, "n_frames", 1) > 1:
        raise UnreadableImageError(f"picture {place} is animated: send the frame that is meant")
    return picture


def decode(picture: Image.Image, place: int, size: int) -> Image.Image:
    """RGB pixels the right way up; a JPEG is shrunk in the decoder, but never below the network's input.

    Raises: UnreadableImageError.
    """
    try:
        picture.draft("RGB", (2 * size, 2 * size))
        ImageOps.exif_transpose(picture, in_place=True)
        shown = eight_bits(picture)
        return shown if shown.mode == "RGB" else shown.convert("RGB")
    except DAMAGED as error:
        raise UnreadableImageError(f"picture {place} is cut short or damaged") from error


def eight_bits(picture: Image.Image) -> Image.Image:
    """16-bit grey loses its lower half; Pillow's own conversion would cut it off at white."""
    if not picture.mode.startswith("I"):
        return picture
    values = np.asarray(picture)
    upper = np.empty(values.shape, np.uint8)
    np.right_shift(values, 8, out=upper, casting="unsafe")
    return Image.fromarray(upper)
