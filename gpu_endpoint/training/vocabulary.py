"""The whole vocabulary: three modules of phrases, and further nouns from more_words.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gpu_endpoint.training import place_words, setting_words, thing_words

Table = dict[str, tuple[str, ...]]

_MORE: dict[str, dict[str, list[str]]] = json.loads(Path(__file__).with_name("more_words.json").read_text())


def _joined(base: Mapping[str, tuple[str, ...]], more: Mapping[str, list[str]]) -> Table:
    return {key: (*phrases, *more.get(key, ())) for key, phrases in base.items()}


SETTINGS = _joined(setting_words.SETTINGS, _MORE["settings"])
NOUNS = _joined(setting_words.NOUNS, _MORE["nouns"])
ADJECTIVES, ROADS = setting_words.ADJECTIVES, setting_words.ROADS
EVENTS = _joined(thing_words.EVENTS, _MORE["events"])
SINGULARS = _joined({kind: one for kind, (one, _) in thing_words.THINGS.items()}, _MORE["things"])
PLURALS: Table = {kind: many for kind, (_, many) in thing_words.THINGS.items()}
COLOURS = _joined(place_words.COLOURS, _MORE["colours"])
SIDES = _joined(place_words.SIDES, _MORE["sides"])
REACHES, TWO, THREE = place_words.REACHES, place_words.TWO, place_words.THREE
OPENINGS, EMPTY_NOUNS = place_words.OPENINGS, place_words.EMPTY_NOUNS
TABLES: tuple[Table, ...] = (
    SETTINGS, NOUNS, ADJECTIVES, ROADS, EVENTS, SINGULARS, PLURALS, COLOURS, SIDES, REACHES
)  # fmt: skip


def phrases() -> list[str]:
    """Every phrase of the grammar."""
    listed = [phrase for table in TABLES for options in table.values() for phrase in options]
    return [*listed, *TWO, *THREE, *OPENINGS, *EMPTY_NOUNS]
