"""Probing and extraction on real files: what is indexed, what is refused, and in which words."""

import io
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pytest

from sightline.errors import UnreadableMediaError
from sightline.media.container import open_video
from sightline.media.damage import Damage
from sightline.media.decode import Sampler
from sightline.media.probe import VideoFacts, look_into
from sightline.media.sheets import MAX_BYTES, sheets_of
from sightline.media.steps import plan_of
from tests.conftest import SHARED_DATA
from tests.videos import red_corner, sound_only, tiles_of, video

pytestmark = pytest.mark.component


@dataclass
class Extracted:
    """What the pipeline would make of a file."""

    facts: VideoFacts
    mode: str
    planned: int
    times_s: list[float]
    tiles: list[Any]
    damage: list[Damage]
    jpegs: list[bytes]


def extract(data: bytes, content_type: str = "video/mp4", *, interval_s: float = 1.0) -> Extracted:
    facts, timeline = look_into(io.BytesIO(data), content_type=content_type, size_bytes=len(data))
    plan, chunks, planned = plan_of(facts, timeline, interval_s=interval_s)
    made = Extracted(facts, plan.mode, planned, [], [], [], [])
    for chunk in chunks:
        with open_video(io.BytesIO(data)) as (container, stream):
            sampler = Sampler(container, stream, plan, chunk)
            for sheet in sheets_of(sampler, plan.grid):
                made.times_s += sheet.times_s
                made.jpegs.append(sheet.jpeg)
                made.tiles += tiles_of(
                    sheet.jpeg,
                    columns=sheet.columns,
                    tile_width=plan.tile_width,
                    tile_height=plan.tile_height,
                    tiles=len(sheet.times_s),
                )
            made.damage.append(sampler.damage)
    return made


def refusal(data: bytes, content_type: str = "video/mp4") -> str:
    with pytest.raises(UnreadableMediaError) as refused:
        extract(data, content_type)
    return str(refused.value)


def frame_shown(tile: Any) -> int:
    """Which test frame a tile shows, by its shade (modulo 26)."""
    shade = float(np.median(tile[tile.shape[0] // 2 :]))
    return round((shade - 40) / 7)


@pytest.mark.parametrize(
    ("codec", "container", "content_type", "named"),
    [
        ("libx264", "mp4", "video/mp4", "h264"),
        ("libx264", "mov", "video/quicktime", "h264"),
        ("libx264", "mkv", "video/x-matroska", "h264"),
        ("libx264", "ts", "video/mp2t", "h264"),
        ("libx264", "flv", "video/x-flv", "h264"),
        ("libx265", "mp4", "video/mp4", "hevc"),
        ("libvpx-vp9", "webm", "video/webm", "vp9"),
        ("libsvtav1", "mp4", "video/mp4", "av1"),
        ("libsvtav1", "mkv", "application/octet-stream", "av1"),
        ("mpeg4", "avi", "video/x-msvideo", "mpeg4"),
    ],
)
def test_usual_codecs_and_containers_are_indexed(
    codec: str, container: str, content_type: str, named: str
) -> None:
    made = extract(video(codec=codec, container=container), content_type)
    assert made.facts.codec == named
    assert (made.facts.width, made.facts.height, made.facts.rotation) == (320, 240, 0)
    assert made.facts.duration_s == pytest.approx(3.0, abs=0.15)
    assert made.facts.fps == pytest.approx(10, abs=0.1)
    assert made.times_s == pytest.approx([0.0, 1.0, 2.0], abs=0.001)
    assert [frame_shown(tile) for tile in made.tiles] == [0, 10, 20]


@pytest.mark.parametrize(
    ("options", "gop", "mode"),
    [
        ({"preset": "ultrafast"}, 10, "keyframes"),
        ({"preset": "ultrafast"}, 30, "all"),
        ({"preset": "veryfast", "bf": "3"}, 25, "all"),
        (
            {
                "preset": "veryfast",
                "x264-params": "open-gop=1:bframes=3:keyint=20:min-keyint=20:scenecut=0",
            },
            20,
            "all",
        ),
    ],
    ids=["a key frame a second", "long groups", "reordered frames", "open groups"],
)
def test_every_way_of_decoding_takes_a_frame_a_second(options: dict[str, str], gop: int, mode: str) -> None:
    made = extract(video(seconds=8, gop=gop, options=options))
    assert made.mode == mode
    assert [int(time_s + 0.001) for time_s in made.times_s] == list(range(8)), "one in every second"
    shown = [round(time_s * 10) % 26 for time_s in made.times_s]
    assert [frame_shown(tile) for tile in made.tiles] == shown, "the frame is the one of its time"
    assert sum(damage.damaged for damage in made.damage) == 0


def test_frames_that_no_sample_needs_are_not_decoded() -> None:
    """A group of 20 holds samples at its frames 0 and 10: frames 13 to 19 are left alone."""
    made = extract(video(seconds=8, gop=20))
    assert made.mode == "all"
    assert sum(damage.decoded for damage in made.damage) < 60


def test_a_key_frame_soon_after_is_taken_instead() -> None:
    """Key frames at 0, 2.3 and 4.6 s: the second will do for its second, the third comes too late."""
    made = extract(video(seconds=6, gop=23))
    assert made.times_s == pytest.approx([0.0, 1.0, 2.3, 3.0, 4.0, 5.0], abs=0.001)
    assert [frame_shown(tile) for tile in made.tiles] == [0, 10, 23, 4, 14, 24]
    assert sum(damage.decoded for damage in made.damage) < 50


@pytest.mark.parametrize(
    ("rotation", "corner", "size"),
    [
        (0, "top-left", (320, 240)),
        (90, "bottom-left", (240, 320)),
        (180, "bottom-right", (320, 240)),
        (-90, "top-right", (240, 320)),
    ],
)
def test_a_phones_rotation_is_applied(rotation: int, corner: str, size: tuple[int, int]) -> None:
    """Rotation is counter-clockwise: what was the top left lies at the bottom left after a quarter turn."""
    made = extract(video(rotation=rotation, seconds=1))
    assert (made.facts.width, made.facts.height) == size
    assert made.facts.rotation == rotation % 360
    tile = made.tiles[0]
    assert red_corner(tile) == corner
    assert (tile.shape[1] > tile.shape[0]) == (size[0] > size[1])


def test_a_variable_frame_rate_is_sampled_by_time() -> None:
    times_s = [0.0, 0.1, 0.5, 0.9, 2.4, 2.5, 5.0, 5.05]
    made = extract(video(times_s=times_s))
    assert made.facts.variable_fps
    assert made.times_s == pytest.approx([0.0, 2.4, 5.0], abs=0.001)
    assert [frame_shown(tile) for tile in made.tiles] == [0, 4, 6]


@pytest.mark.parametrize(("container", "content_type"), [("mp4", "video/mp4"), ("mkv", "video/x-matroska")])
def test_a_gap_of_a_day_is_bounded_by_the_packets(container: str, content_type: str) -> None:
    times_s = [number / 10 for number in range(30)] + [86_400 + number / 10 for number in range(30)]
    made = extract(video(times_s=times_s, container=container), content_type)
    assert made.planned == 6
    assert made.times_s == pytest.approx([0, 1, 2, 86_400, 86_401, 86_402], abs=0.001)


@pytest.mark.parametrize(
    ("width", "height"), [(322, 178), (16, 16), (1920, 64), (64, 480)], ids=["odd", "tiny", "wide", "tall"]
)
def test_odd_sizes_are_indexed(width: int, height: int) -> None:
    made = extract(video(width=width, height=height, seconds=2))
    assert (made.facts.width, made.facts.height) == (width, height)
    assert len(made.tiles) == 2
    assert all(side % 16 == 0 for side in made.tiles[0].shape[:2])


def test_pixels_that_are_not_square_are_shown_as_wide_as_they_are() -> None:
    from fractions import Fraction

    made = extract(video(width=360, height=288, pixel_aspect=Fraction(16, 11), seconds=1))
    assert (made.facts.width, made.facts.height) == (524, 288)


@pytest.mark.parametrize(
    ("interval_s", "count"), [(0.1, 30), (0.3, 10), (1.0, 3), (1.7, 2), (60.0, 1)], ids=str
)
def test_the_interval_decides_how_many_frames(interval_s: float, count: int) -> None:
    made = extract(video(gop=30), interval_s=interval_s)
    assert len(made.times_s) == made.planned == count


@pytest.mark.parametrize(("container", "content_type"), [("mp4", "video/mp4"), ("ts", "video/mp2t")])
def test_a_long_interval_seeks_from_frame_to_frame(container: str, content_type: str) -> None:
    data = video(seconds=130, fps=2, gop=2, width=96, height=64, container=container)
    made = extract(data, content_type, interval_s=30.0)
    assert made.mode == "keyframes"
    assert made.times_s == pytest.approx([0, 30, 60, 90, 120], abs=1.1)
    assert sum(damage.decoded for damage in made.damage) == 5


def test_a_video_of_one_frame_is_a_video() -> None:
    assert extract(video(times_s=[0.0])).times_s == [0.0]


def test_a_fragmented_mp4_is_read_to_its_end() -> None:
    made = extract(video(container_options={"movflags": "frag_keyframe+empty_moov"}))
    assert made.times_s == pytest.approx([0.0, 1.0, 2.0])


def test_a_sheet_too_large_is_split_and_no_tile_is_lost() -> None:
    from sightline.media.sampling import tile_grid

    noise = np.random.default_rng(1).integers(0, 256, (512, 896, 3), np.uint8)
    import av

    frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
    grid = tile_grid(width=896, height=512)
    sheets = list(sheets_of(((float(number), frame) for number in range(64)), grid))
    assert len(sheets) > 1
    assert all(len(sheet.jpeg) <= MAX_BYTES for sheet in sheets)
    assert [time_s for sheet in sheets for time_s in sheet.times_s] == [float(n) for n in range(64)]


def test_extraction_is_repeatable_byte_for_byte() -> None:
    data = video(seconds=4, gop=25)
    assert extract(data).jpegs == extract(data).jpegs


def test_a_file_too_large_to_read_whole_is_planned_by_its_duration() -> None:
    data = video(seconds=20, container="mkv", width=160, height=96)
    facts, timeline = look_into(
        io.BytesIO(data), content_type="video/webm", size_bytes=len(data), scan_bytes=len(data) // 4
    )
    plan, chunks, planned = plan_of(facts, timeline, interval_s=1.0)
    assert not timeline.complete
    assert (plan.mode, plan.exact, planned) == ("all", False, 20)
    assert (chunks[0].start_s, chunks[-1].end_s) == (0.0, 20.0)
    cut = data[: len(data) // 2]
    with pytest.raises(UnreadableMediaError, match="truncated-file: It should last 20 s"):
        look_into(io.BytesIO(cut), content_type="video/webm", size_bytes=len(cut), scan_bytes=len(data) // 4)


@cache
def footage(container: str = "mp4", movflags: str = "", codec: str = "libx264") -> bytes:
    """Six seconds; encoded when first needed, not when tests are collected."""
    options = {"movflags": movflags} if movflags else {}
    return video(seconds=6, container=container, codec=codec, container_options=options)


def half(data: bytes) -> bytes:
    return data[: len(data) // 2]


PLAYLIST = b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"
CONCAT = b"ffconcat version 1.0\nfile '/etc/passwd'\n"


@pytest.mark.parametrize(
    ("data", "content_type", "reason"),
    [
        (lambda: b"", "video/mp4", "empty-file: The file has no bytes."),
        (lambda: b"Hello, world. " * 500, "video/mp4", "not-a-video: "),
        (lambda: b"%PDF-1.7\n" + bytes(5000), "video/mp4", "not-a-video: "),
        (lambda: bytes(100_000), "video/mp4", "not-a-video: "),
        (lambda: PLAYLIST, "video/mp4", "not-a-video: "),
        (lambda: CONCAT, "video/mp4", "not-a-video: "),
        (lambda: half(footage()), "video/mp4", "truncated-file: The MP4 has no readable index"),
        (lambda: half(footage(movflags="faststart")), "video/mp4", "truncated-file: The file ends before"),
        (
            lambda: half(footage(movflags="frag_keyframe+empty_moov")),
            "video/mp4",
            "truncated-file: The file ends before",
        ),
        (
            lambda: half(footage("mkv")),
            "video/x-matroska",
            "truncated-file: It should last 6 s and ends after 3 s.",
        ),
        (
            lambda: half(footage("webm", codec="libvpx-vp9")),
            "video/webm",
            "truncated-file: It should last 6 s",
        ),
        (sound_only, "video/mp4", "no-video-stream: The file has only sound"),
        (
            lambda: footage("mkv"),
            "video/mp4",
            "type-mismatch: The content type says video/mp4, the file is matroska.",
        ),
        (lambda: footage(), "video/webm", "type-mismatch: "),
    ],
    ids=[
        "zero bytes",
        "text",
        "pdf",
        "zeros",
        "playlist",
        "concat list",
        "truncated, index last",
        "truncated, index first",
        "truncated, fragmented",
        "truncated mkv",
        "truncated webm",
        "sound only",
        "mkv called mp4",
        "mp4 called webm",
    ],
)
def test_what_cannot_be_indexed_is_refused_in_words(
    data: Callable[[], bytes], content_type: str, reason: str
) -> None:
    assert refusal(data(), content_type).startswith(reason)


def flipped(data: bytes, share: float) -> bytes:
    """Bits flipped in the picture data, the index left whole."""
    chance = random.Random(1)
    damaged = bytearray(data)
    for place in range(data.find(b"mdat") + 4, len(data)):
        if chance.random() < share:
            damaged[place] ^= 1 << chance.randrange(8)
    return bytes(damaged)


@pytest.mark.parametrize("gop", [10, 30], ids=["keyframes", "all"])
def test_a_bit_corrupted_video_is_seen_to_be_damaged(gop: int) -> None:
    """FFmpeg raises nothing: frames are marked, and with slice threads not even that."""
    whole = video(seconds=6, gop=gop, container_options={"movflags": "faststart"})
    made = extract(flipped(whole, 1e-4))
    assert not all(damage.bearable for damage in made.damage)


def test_a_video_without_one_whole_picture_is_refused() -> None:
    assert refusal(flipped(footage(movflags="faststart"), 1e-2)).startswith("corrupt-media: ")


def test_a_blemish_is_left_out_and_the_rest_is_indexed() -> None:
    made = extract(flipped(footage(movflags="faststart"), 1e-5))
    assert all(damage.bearable for damage in made.damage)
    assert 4 <= len(made.times_s) < 6


def test_another_frame_of_its_second_takes_the_place_of_a_damaged_one() -> None:
    """The packet of the frame at 2.0 s is overwritten: what comes after it in its second will do."""
    whole = video(seconds=6, gop=30, container_options={"movflags": "faststart"})
    place, size = packet_at(whole, 2.0)
    damaged = whole[: place + 8] + bytes(random.Random(1).randbytes(size - 8)) + whole[place + size :]
    made = extract(damaged)
    assert made.mode == "all"
    assert sum(damage.damaged for damage in made.damage) >= 1
    assert [int(time_s + 0.001) for time_s in made.times_s] == list(range(6))
    assert made.times_s[2] == pytest.approx(2.1, abs=0.11)
    assert made.times_s[2] > 2.05


def packet_at(data: bytes, time_s: float) -> tuple[int, int]:
    """Where the packet of a frame lies in a file, and its size."""
    with open_video(io.BytesIO(data)) as (container, stream):
        for packet in container.demux(stream):
            if packet.pts is not None and abs(float(packet.pts * packet.time_base) - time_s) < 0.01:
                return packet.pos, packet.size
    raise AssertionError("no such frame")


def test_frames_that_no_other_refers_to_are_skipped_unless_they_are_wanted() -> None:
    """Every second frame is such a one; the frames taken are the same."""
    options = {"preset": "veryfast", "x264-params": "bframes=1:b-adapt=0:scenecut=0"}
    made = extract(video(seconds=8, gop=41, options=options))
    assert made.times_s[:5] == pytest.approx([0.0, 1.0, 2.0, 3.0, 4.1], abs=0.001)
    assert [frame_shown(tile) for tile in made.tiles] == [round(time_s * 10) % 26 for time_s in made.times_s]
    assert sum(damage.decoded for damage in made.damage) < 50
    assert sum(damage.damaged for damage in made.damage) == 0


def real_videos() -> Iterable[Any]:
    folder = SHARED_DATA / "driving" / "videos"
    found = sorted(folder.glob("*.mp4"))
    if not found:
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no real videos: {folder} is absent"))]
    return [pytest.param(path, id=path.name) for path in found]


@pytest.mark.parametrize("path", real_videos())
def test_real_videos_give_one_frame_a_second(path: Any) -> None:
    made = extract(path.read_bytes())
    assert len(made.times_s) == made.planned
    assert made.planned == pytest.approx(made.facts.duration_s, abs=1)
    steps = np.diff(made.times_s)
    assert (steps > 0.49).all()
    assert (steps < 1.51).all()
    assert sum(damage.damaged for damage in made.damage) == 0
