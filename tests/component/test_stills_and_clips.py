"""Full-resolution pictures at any time and copied clips, out of every kind of video we take."""

import gc
import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.container import InputContainer
from PIL import Image

from sightline.errors import UnreadableMediaError
from sightline.media.clips import ClipError, cut
from sightline.media.stills import stills
from tests.videos import red_corner, video

pytestmark = pytest.mark.component

KINDS: dict[str, dict[str, Any]] = {
    "h264": {},
    "reordered": {"options": {"preset": "medium", "bf": "3"}},
    "rotated": {"rotation": -90},
    "hevc": {"codec": "libx265"},
    "vp9": {"codec": "libvpx-vp9", "container": "webm"},
    "av1": {"codec": "libsvtav1", "container": "mkv"},
    "avi": {"codec": "mpeg4", "container": "avi"},
    "ts": {"container": "ts", "sound": True},
    "vp8": {"codec": "libvpx", "container": "webm"},
}


def shade(jpeg: bytes) -> float:
    """Which frame of the test video a picture shows, more or less: compression shades it."""
    picture = np.asarray(Image.open(io.BytesIO(jpeg)))
    height, width = picture.shape[:2]
    return (float(np.median(picture[height // 2 :, width // 3 : width // 2])) - 40) / 7


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_and_clips_of_every_kind(kind: str, tmp_path: Path) -> None:
    data = video(seconds=4, **KINDS[kind])
    wanted = [0.0, 0.1, 1.5, 1.55, 3.7, 9.0]
    found = list(stills(io.BytesIO(data), wanted, quality=90))
    assert [time_s for time_s, _ in found] == wanted
    shown = [still for _, still in found if still is not None]
    assert [still.time_s for still in shown] == pytest.approx([0.0, 0.1, 1.5, 1.5, 3.7, 3.9], abs=0.01)
    numbers = [shade(still.jpeg) for still in shown]
    assert numbers == pytest.approx([0, 1, 15, 15, 37 % 26, 39 % 26], abs=0.7)
    upright = Image.open(io.BytesIO(shown[0].jpeg))
    assert upright.size == (shown[0].width, shown[0].height)
    assert upright.size == ((240, 320) if kind == "rotated" else (320, 240))

    clip = cut(io.BytesIO(data), tmp_path / "clip", start_s=2.5, end_s=3.2, max_bytes=10**8)
    assert clip.container == ("mkv" if kind == "vp8" else "mp4")
    assert clip.start_s <= 2.5 < 3.1 <= clip.end_s
    assert clip.start_s >= 1.0, "it begins at the key frame before, not at the beginning"
    with av.open(str(tmp_path / "clip")) as container:
        frames = list(container.decode(video=0))
        assert not container.streams.audio
    assert frames[0].time == pytest.approx(0.0, abs=0.11)
    assert len(frames) == pytest.approx((clip.end_s - clip.start_s) * 10, abs=2)
    assert frames[0].rotation == (-90 if kind == "rotated" else 0)


def test_the_right_way_up_and_as_wide_as_players_show_it() -> None:
    data = video(seconds=1, rotation=-90)
    ((_, still),) = stills(io.BytesIO(data), [0.5], quality=90)
    assert still is not None
    assert red_corner(np.asarray(Image.open(io.BytesIO(still.jpeg)))) == "top-right"
    data = video(seconds=1, pixel_aspect=Fraction(4, 3))
    ((_, still),) = stills(io.BytesIO(data), [0.5], quality=90)
    assert still is not None
    assert (still.width, still.height) == (427, 240)


def test_a_gap_in_the_frames_shows_the_frame_before_it() -> None:
    data = video(times_s=[0, 0.3, 1.1, 2.0, 60.0])
    found = stills(io.BytesIO(data), [0.2, 1.0, 59.0, 60.0], quality=90)
    assert [still.time_s if still else None for _, still in found] == [0.0, 0.3, 2.0, 60.0]


def test_what_is_no_video_or_too_large_is_said(tmp_path: Path) -> None:
    with pytest.raises(UnreadableMediaError):
        list(stills(io.BytesIO(b"no video"), [0.0], quality=90))
    with pytest.raises(ClipError, match="larger than 1,000 bytes"):
        cut(io.BytesIO(video(seconds=1)), tmp_path / "clip", start_s=0, end_s=1, max_bytes=1000)


def test_a_stretch_without_length_shows_the_frame_it_begins_with(tmp_path: Path) -> None:
    clip = cut(io.BytesIO(video(seconds=2)), tmp_path / "clip", start_s=1.5, end_s=1.5, max_bytes=10**8)
    assert (clip.start_s, clip.end_s) == (1.0, 1.6)


def test_a_decoder_goes_with_its_video() -> None:
    """Without waiting for the garbage collector: an export opens one video after the other."""
    data = video(seconds=1)
    gc.collect()
    gc.disable()
    try:
        assert len(list(stills(io.BytesIO(data), [0.0, 0.5], quality=90))) == 2
        assert [held for held in gc.get_objects() if isinstance(held, InputContainer)] == []
    finally:
        gc.enable()
