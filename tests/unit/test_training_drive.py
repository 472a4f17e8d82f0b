"""The rendered drive: it decodes, and its timeline says what is in it."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import av
import pytest

from gpu_endpoint.training.drive import main, plan, scene_at
from gpu_endpoint.training.storyboard import EPISODE_S, EPISODES

pytestmark = pytest.mark.unit


def test_the_video_decodes_and_the_timeline_lies_beside_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "drive.webm"
    main([str(out), "--seconds", "7", "--fps", "2", "--size", "160x90", "--seed", "0"])
    with av.open(str(out)) as container:
        stream = container.streams.video[0]
        times = [float(frame.time) for frame in container.decode(video=0)]
        assert stream.codec_context.name == "vp9"
        assert (stream.width, stream.height) == (160, 90)
    assert times == pytest.approx([index / 2 for index in range(14)], abs=0.02)
    timeline = json.loads(out.with_suffix(".json").read_text())
    assert [e["title"] for e in timeline["episodes"]] == [e.title for e in EPISODES[:2]]
    assert timeline["facts"]["road:highway"] == [[6.0, 7.0]]
    assert "rendered in" in capsys.readouterr().out


def test_episodes_follow_each_other_without_gaps() -> None:
    stretches = plan(61.5, 4, 160, 90)
    assert stretches[0].start_s == 0
    assert stretches[-1].end_s == 61.5
    assert all(a.end_s == b.start_s for a, b in pairwise(stretches))
    assert {s.episode.title for s in stretches[:10]} == {e.title for e in EPISODES}


def test_seeds_change_the_order_and_seed_zero_keeps_the_storyboard() -> None:
    titles = [[s.episode.title for s in plan(60, seed, 160, 90)] for seed in (0, 0, 1, 1, 2)]
    assert titles[0] == titles[1] == [e.title for e in EPISODES]
    assert titles[2] == titles[3]
    assert titles[2] != titles[4]


def test_scenes_hold_what_their_episode_promises() -> None:
    for stretch in plan(60, 0, 160, 90):
        episode = stretch.episode
        seen = {
            fact
            for step in range(12)
            for fact in scene_at(stretch, stretch.start_s + step * EPISODE_S / 12).facts
        }
        assert {f"time:{episode.time}", f"weather:{episode.weather}", f"road:{episode.road}"} <= seen
        assert {cue.kind for cue in episode.cues} <= seen
        assert ("ped crossing" in seen) == any(cue.crossing for cue in episode.cues)
        assert ("empty" in seen) == (not episode.cues or min(c.enters_s for c in episode.cues) > 0)


def test_what_the_car_drives_up_to_comes_nearer() -> None:
    stretch = plan(60, 0, 160, 90)[1]  # a truck ahead
    nearness = [
        next(a.s for a in scene_at(stretch, stretch.start_s + second).actors if a.kind == "truck")
        for second in range(6)
    ]  # fmt: skip
    assert nearness == sorted(nearness)
    assert nearness[0] < nearness[-1]


def test_rendering_needs_neither_torch_nor_onnxruntime() -> None:
    code = "import gpu_endpoint.training.drive, sys; print({'torch', 'onnxruntime'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
