"""The same vectors for every store: footage of many clips, questions in words, and the exact answers."""

import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import crowd
from benchmarks.nearest.stores import GROUP, K
from benchmarks.plain import load_model

VIDEO_FRAMES = 100  # clips, so that one in a thousand videos is a thousandth of 100,000 frames too
CELLS = {"all": 1, "10 %": 10, "1 %": 100, "0.1 %": 1000}
QUESTIONS = 200

Vectors = NDArray[np.float32]
Halves = NDArray[np.float16]


def videos(scenes: Vectors, *, frames: int) -> Halves:
    """All frames in order of their videos, rounded as halfvec keeps them. Shapes: (frames, dim) float16."""
    kept = np.empty((frames, scenes.shape[1]), np.float16)
    for number in range(frames // VIDEO_FRAMES):
        start = number * VIDEO_FRAMES
        kept[start : start + VIDEO_FRAMES] = crowd.footage(scenes, frames=VIDEO_FRAMES, seed=number)
    return kept


def texts_of(cell: str) -> list[str]:
    """Every cell has questions of its own, so that none is answered from what another left; "others" too."""
    number = [*CELLS, "others"].index(cell)
    return list(crowd.questions((len(CELLS) + 1) * QUESTIONS))[number * QUESTIONS : (number + 1) * QUESTIONS]


def nearest(kept: Halves, questions: Vectors, of: int) -> NDArray[np.int64]:
    """Row numbers of the exact ten nearest of one of so many groups of videos. Shapes: (questions, K)."""
    rows = np.arange(len(kept))
    rows = rows if of == 1 else rows[rows // VIDEO_FRAMES % of == GROUP]
    best = np.full((len(questions), 0), 0, np.int64)
    scores = np.zeros((len(questions), 0), np.float32)
    for start in range(0, len(rows), 50_000):
        part = rows[start : start + 50_000]
        scores = np.hstack([scores, questions @ kept[part].astype(np.float32).T])
        best = np.hstack([best, np.tile(part, (len(questions), 1))])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :K]
        scores, best = np.take_along_axis(scores, order, 1), np.take_along_axis(best, order, 1)
    return best


def write(folder: Path, *, frames: int, models: Path, scenes: Vectors) -> None:
    """Everything the other stores need, once."""
    if (folder / "plan.json").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    kept = videos(scenes, frames=frames)
    np.save(folder / "vectors.npy", kept)
    model = load_model(models)
    asked = np.stack([model.embed_texts(texts_of(cell)) for cell in CELLS]).astype(np.float32)
    np.save(folder / "questions.npy", asked)
    answers = [nearest(kept, asked[number], of) for number, of in enumerate(CELLS.values())]
    np.save(folder / "truth.npy", np.stack(answers))
    (folder / "plan.json").write_text(json.dumps({"video_frames": VIDEO_FRAMES, "cells": CELLS}))
