"""One picture of what was found: the frames, cut from their contact sheets, with captions."""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from client.output import percent, span
from client.shapes import Found, Moment, Sheet

FRAME_WIDTH = 320
FRAMES_A_ROW = 4
_GAP = 16
_CAPTION_HEIGHT = 26
_HEADING_HEIGHT = 44
_REMARK_HEIGHT = 24
_UNSURE = "nothing relevant; the closest:"
_PAPER, _INK, _FAINT = (250, 250, 248), (24, 26, 30), (110, 114, 122)

FetchSheet = Callable[[Sheet], bytes]


@dataclass(frozen=True, slots=True)
class Answer:
    """A question and what was found."""

    text: str
    found: Found

    @property
    def unsure(self) -> bool:
        """Whether its frames are only what comes closest."""
        return bool(self.found.moments) and not self.found.sure


def frame_of(sheet: Sheet, jpeg: bytes) -> Image.Image:
    """The tile of a contact sheet, which counts its tiles row by row from 0."""
    row, column = divmod(sheet.tile, sheet.columns)
    left, top = column * sheet.tile_width, row * sheet.tile_height
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.convert("RGB").crop((left, top, left + sheet.tile_width, top + sheet.tile_height))


def write_picture(path: Path, answers: Sequence[Answer], fetch: FetchSheet) -> int:
    """Draw every answer as a heading and a row of frames; returns how many frames it shows."""
    fetched: dict[str, bytes] = {}

    def sheet_of(sheet: Sheet) -> bytes:
        # Moments of one stretch share a sheet, and its signed address names it.
        key = sheet.url.partition("?")[0]
        return fetched.setdefault(key, fetched.get(key) or fetch(sheet))

    rows = [(answer, [_framed(moment, sheet_of) for moment in _shown(answer)]) for answer in answers]
    heights = [_heading_height(answer) + _frames_height(frames) for answer, frames in rows]
    columns = min(FRAMES_A_ROW, max((len(frames) for _, frames in rows), default=1) or 1)
    # A question needs about two frames' width.
    width = max(columns, 2) * (FRAME_WIDTH + _GAP) + _GAP
    canvas = Image.new("RGB", (width, sum(heights) + _GAP), _PAPER)
    top = 0
    for (answer, frames), height in zip(rows, heights, strict=True):
        _draw_row(canvas, top, answer, frames)
        top += height
    canvas.save(path, "PNG", optimize=True)
    return sum(len(frames) for _, frames in rows)


def _shown(answer: Answer) -> list[Moment]:
    return [moment for moment in answer.found.moments if moment.sheet is not None]


def _framed(moment: Moment, sheet_of: FetchSheet) -> tuple[Moment, Image.Image]:
    assert moment.sheet is not None  # noqa: S101 - _shown leaves those out
    frame = frame_of(moment.sheet, sheet_of(moment.sheet))
    height = round(FRAME_WIDTH * frame.height / frame.width)
    return moment, frame.resize((FRAME_WIDTH, height), Image.Resampling.LANCZOS)


def _lines(frames: Sequence[tuple[Moment, Image.Image]]) -> list[Sequence[tuple[Moment, Image.Image]]]:
    return [frames[start : start + FRAMES_A_ROW] for start in range(0, len(frames), FRAMES_A_ROW)]


def _heading_height(answer: Answer) -> int:
    return _HEADING_HEIGHT + (_REMARK_HEIGHT if answer.unsure else 0)


def _frames_height(frames: Sequence[tuple[Moment, Image.Image]]) -> int:
    tallest = [max(frame.height for _, frame in line) for line in _lines(frames)]
    return sum(height + _CAPTION_HEIGHT + _GAP for height in tallest) or _CAPTION_HEIGHT


def _draw_row(
    canvas: Image.Image, top: int, answer: Answer, frames: Sequence[tuple[Moment, Image.Image]]
) -> None:
    draw = ImageDraw.Draw(canvas)
    # Pillow carries this font in itself: the picture looks the same everywhere.
    heading, caption = ImageFont.load_default(20), ImageFont.load_default(14)
    draw.text((_GAP, top + _GAP), answer.text, fill=_INK, font=heading)
    if answer.unsure:
        draw.text((_GAP, top + _HEADING_HEIGHT), _UNSURE, fill=_FAINT, font=caption)
    top += _heading_height(answer)
    if not frames:
        draw.text((_GAP, top), "nothing found", fill=_FAINT, font=caption)
    for line in _lines(frames):
        for place, (moment, frame) in enumerate(line):
            left = _GAP + place * (FRAME_WIDTH + _GAP)
            canvas.paste(frame, (left, top))
            worth = f"{answer.found.measure} {percent(moment.relevance)}"
            words = f"{span(moment.start_s, moment.end_s)}   {worth}   {moment.asset_name}"
            draw.text((left, top + frame.height + 5), _fit(words, caption), fill=_FAINT, font=caption)
        top += max(frame.height for _, frame in line) + _CAPTION_HEIGHT + _GAP


def _fit(words: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    while font.getlength(words) > FRAME_WIDTH and len(words) > 1:
        words = words[:-2] + "\u2026"
    return words
