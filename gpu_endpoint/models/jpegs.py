"""What a JPEG is made of, counted before it is decoded: one of 6 MiB can hold minutes of work."""

from __future__ import annotations

import re

from gpu_endpoint.errors import UnreadableImageError

MARKER = re.compile(rb"\xff[^\x00\x01\xd0-\xd8\xff]")
"""Of those that a length follows, and the end's; what is coded holds none. Source: ITU-T T.81, B.1.1."""
END, SCAN = 0xD9, 0xDA
MAX_SCANS = 64
"""libjpeg writes 10. Each goes over all pixels, however few its bytes: 4 ms of 40 million grey ones."""
MAX_SEGMENTS = 1024
"""Of a colour profile 255, of XMP 96 in 6 MiB. Pillow takes up to 7 microseconds for each."""


def refuse_bomb(file: bytes, what: str) -> None:
    """Raises: UnreadableImageError, for a JPEG of too many scans or segments.

    Only what a decoder would read counts: no thumbnail inside a segment, nothing after the end.
    """
    scans = segments = 0
    place = 2 if file.startswith(b"\xff\xd8") else len(file)
    while (marker := MARKER.search(file, place)) and (kind := file[marker.start() + 1]) != END:
        scans, segments = scans + (kind == SCAN), segments + 1
        if scans > MAX_SCANS:
            raise UnreadableImageError(f"{what} has more than {MAX_SCANS} scans: save it without so many")
        if segments > MAX_SEGMENTS:
            raise UnreadableImageError(
                f"{what} has more than {MAX_SEGMENTS:,} segments: save it without them"
            )
        length = file[marker.end() : marker.end() + 2]
        place = marker.end() + int.from_bytes(length, "big")
