"""Names made up from parts, because no list holds the services, metrics and errors of the next company."""

from __future__ import annotations

import random
from functools import cache

from tokenizers import Tokenizer

from gpu_endpoint.models.minilm import packaged_model
from gpu_endpoint.training.alerts.words import LISTS

PREFIXES, UNITS = LISTS["metric_prefixes"], LISTS["metric_units"]
PACKAGES = ("com.acme", "app.errors", "java.util", "requests.exceptions", "botocore")
ERROR_ENDINGS = ("Error", "Exception", "Error", "Exception", "Failure", "Fault", "Timeout")


@cache
def vocabulary() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """English words as MiniLM's tokenizer knows them: for training, and for evaluation only."""
    tokens = Tokenizer.from_file(str(packaged_model() / "tokenizer.json")).get_vocab()
    words = sorted(
        word
        for word in tokens
        if word.isascii() and word.isalpha() and word.islower() and 3 <= len(word) <= 10
    )
    return tuple(words[0::4] + words[1::4] + words[2::4]), tuple(words[3::4])


def any_word(rng: random.Random, *, kept: bool) -> str:
    """Some English word, or now and then letters that are none."""
    if rng.random() < 0.12:
        return "".join(
            rng.choice("bcdfghklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(1, 3))
        ) + rng.choice(["", "x", "n", "r"])
    return rng.choice(vocabulary()[1 if kept else 0])


def metric(rng: random.Random, kind: str) -> str:
    """`heap usage`, `p95 upload latency`, `queue.depth`, `pod_cpu_usage_seconds`, `DiskReadLatency` ..."""
    subject, measure = (
        rng.choice(LISTS[f"metric_subjects.{kind}"]),
        rng.choice(LISTS[f"metric_measures.{kind}"]),
    )
    second = rng.choice(LISTS[f"metric_subjects.{kind}"]) if rng.random() < 0.35 else ""
    parts = [part for part in (subject, second, measure) if part]
    style = rng.random()
    if style < 0.45:
        name = " ".join(parts)
        name = f"{rng.choice(PREFIXES)} {name}" if rng.random() < 0.25 else name
        return name.title() if rng.random() < 0.12 else name
    if style < 0.62:
        return "_".join(part.lower() for part in [*parts, rng.choice(UNITS)])
    if style < 0.78:
        return ".".join(part.lower() for part in parts)
    if style < 0.9:
        return "".join(part.capitalize() for part in parts)
    return f"{'_'.join(parts).lower()}_{rng.choice(PREFIXES[:6])}"


def error(rng: random.Random, *, kept: bool) -> str:
    """`CartLockedError`, `com.acme.UploadException`, `E4021`, `ERR_TOKEN_EXPIRED` ..."""
    words = [any_word(rng, kept=kept).capitalize() for _ in range(rng.randint(1, 2))]
    style = rng.random()
    if style < 0.6:
        return "".join(words) + rng.choice(ERROR_ENDINGS)
    if style < 0.7:
        return f"{rng.choice(PACKAGES)}.{''.join(words)}{rng.choice(ERROR_ENDINGS[:2])}"
    if style < 0.8:
        return f"{rng.choice(['E', 'ERR', 'ERR-', 'APP-', 'SYS'])}{rng.randint(100, 9999)}"
    return f"{rng.choice(['ERR', 'E', 'STATUS', 'FAILED'])}_{'_'.join(words).upper()}"


def environment(rng: random.Random) -> str:
    """A known one, or one of several of its kind."""
    name = rng.choice(LISTS["environments"])
    style = rng.random()
    if style < 0.75:
        return name
    if style < 0.85:
        return rng.choice([name.upper(), name.capitalize()])
    return f"{name}{rng.choice(['-eu', '-us', '-2', '1', '-blue', '-green', '-a'])}"
