"""Captions in many wordings, each with the facts it asserts."""

from __future__ import annotations

import random
import re

from gpu_endpoint.training import vocabulary as words

Caption = tuple[str, list[str]]

_SETTING_KINDS = ("time:", "weather:", "road:")
_VEHICLES = ("car", "truck", "bus", "emergency", "motorcycle")


def with_derived(facts: list[str]) -> list[str]:
    """The facts with what follows from them: vehicle, traffic."""
    known = set(facts)
    if known & set(_VEHICLES):
        known.add("vehicle")
    numbers = [3 if f"{k}>=3" in known else 2 if f"{k}>=2" in known else int(k in known) for k in _VEHICLES]
    if sum(numbers) >= 3:
        known.add("traffic")
    return sorted(known)


def phrase(fact: str, rng: random.Random) -> str:
    """One wording of one fact; empty where the grammar has none."""
    if fact in words.SETTINGS:
        return rng.choice(words.SETTINGS[fact])
    if fact in words.EVENTS:
        return rng.choice(words.EVENTS[fact])
    if fact.endswith(" car"):
        noun = rng.choice(words.SINGULARS["car"]).split(" ", 1)[1]
        return f"a {rng.choice(words.COLOURS[fact.removesuffix(' car')])} {noun}"
    if ">=" in fact:
        kind, least = fact.split(">=")
        number = rng.choice(words.TWO if least == "2" else words.THREE)
        return f"{number} {rng.choice(words.PLURALS[kind])}"
    kind, side, reach = _parts(fact)
    if kind not in words.SINGULARS:
        return ""
    text = rng.choice(words.SINGULARS[kind])
    if side:
        text += " " + rng.choice(words.SIDES[side])
    if reach:
        text += " " + rng.choice(words.REACHES[reach])
    return text


def _parts(fact: str) -> tuple[str, str, str]:
    """Kind, side and reach of a fact such as car@left:near."""
    match = re.fullmatch(r"(\w+)(?:@(\w+))?(?::(\w+))?", fact)
    if match is None:
        return "", "", ""
    kind, side, reach = match.groups(default="")
    return kind, side, reach


def caption(facts: list[str], rng: random.Random) -> Caption:
    """A random caption of a scene and the facts it asserts."""
    settings = [f for f in facts if f.startswith(_SETTING_KINDS)]
    others = [f for f in facts if not f.startswith(_SETTING_KINDS)]
    objects = rng.sample(others, min(len(others), rng.choices((0, 1, 2), (0.26, 0.56, 0.18))[0]))
    around = rng.sample(settings, rng.choices((0, 1, 2, 3), (0.3, 0.38, 0.24, 0.08))[0])
    spoken = [(text, fact) for fact in objects if (text := phrase(fact, rng))]
    if not spoken:
        return _about_setting(around or [rng.choice(settings)], rng)
    texts, told = [t for t, _ in spoken], [f for _, f in spoken]
    style = rng.random()
    if style < 0.15:  # keywords
        return ", ".join(_bare(texts) + [rng.choice(words.NOUNS[f]) for f in around]), told + around
    body = " and ".join(texts)
    if style < 0.35 and around:
        return _opened(f"{body} on {_adjectival(around, rng)}", rng), told + around
    return _opened(" ".join([body, *(phrase(f, rng) for f in around)]), rng), told + around


def _about_setting(around: list[str], rng: random.Random) -> Caption:
    style = rng.random()
    if style < 0.35:
        return _opened(_adjectival(around, rng), rng), around
    if style < 0.6:
        first, *rest = [rng.choice(words.NOUNS[around[0]]), *(phrase(f, rng) for f in around[1:])]
        return _opened(" ".join([first, *rest]), rng), around
    if style < 0.7:
        return ", ".join(rng.choice(words.NOUNS[f]) for f in around), around
    noun = rng.choice(words.EMPTY_NOUNS)
    return _opened(" ".join([noun, *(phrase(f, rng) for f in around)]), rng), around


def _adjectival(around: list[str], rng: random.Random) -> str:
    """The settings as adjectives before the road: a dark rainy motorway."""
    adjectives = [rng.choice(words.ADJECTIVES[f]) for f in around if f in words.ADJECTIVES]
    roads = [f for f in around if f in words.ROADS]
    noun = rng.choice(words.ROADS[roads[0]]) if roads else rng.choice(("road", "street", "drive"))
    return " ".join(["a", *adjectives, noun])


def _bare(texts: list[str]) -> list[str]:
    return [re.sub(r"^(an?|the) ", "", text) for text in texts]


def _opened(body: str, rng: random.Random) -> str:
    if rng.random() < 0.35:
        return f"{rng.choice(words.OPENINGS)} {body}"
    return _bare([body])[0] if rng.random() < 0.4 else body


def grammar_words() -> set[str]:
    """Every word that a caption can hold, lower case."""
    return set(re.findall(r"[a-z]+", " ".join(words.phrases()).lower()))
