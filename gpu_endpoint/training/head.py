"""The text head in closed form: sentences to directions that separate their scenes from the rest.

Each text gets a target: the linear discriminant, in the image tower's space, of the scenes of which its
facts are true (Fisher 1936). Ridge regression from sentence embeddings to targets (Hoerl and Kennard 1970)
is the head. It finds words outside the grammar more often than the head of the sigmoid loss (matching.py),
which tells roads apart; a blend keeps both (figures in decision 0006).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from gpu_endpoint.models.minilm import SentenceEncoder
from gpu_endpoint.training import vocabulary
from gpu_endpoint.training.bundled import unit
from gpu_endpoint.training.captionset import CaptionSet, one_hot
from gpu_endpoint.training.palette import Floats

SENTENCES = Path(__file__).with_name("sentences.txt")
ELSEWHERE = Path(__file__).with_name("elsewhere.txt")
RIDGE = 1e-3  # chosen on phrases and sentences left out of the fit, not on the held-out queries
SHRINKAGE = 1e-3  # added to the image vectors' covariance
PHRASE_WEIGHT, SENTENCE_WEIGHT = 0.5, 1.0  # of all phrases, of all sentences; all captions together weigh 1
FEWEST = 10  # scenes a text must be true of to have a target


@dataclass(frozen=True)
class Bank:
    """Texts, the facts of each and its weight."""

    texts: list[str]
    facts: list[list[str]]
    weights: Floats


@dataclass(frozen=True)
class Head:
    """Shapes: weight (256, 384), bias (256)."""

    weight: Floats
    bias: Floats

    def __call__(self, sentences: Floats) -> Floats:
        """Shapes: (n, 384) -> (n, 256), not yet of length 1."""
        return np.asarray(sentences @ self.weight.T + self.bias, np.float32)


def free_sentences() -> list[tuple[str, list[str]]]:
    """The written sentences and the facts each asserts."""
    rows = []
    for line in SENTENCES.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            facts, texts = line.split(" | ")
            rows += [(text.strip(), facts.split(", ")) for text in texts.split("; ")]
    return rows


def absent_texts() -> list[str]:
    """Of what no scene shows."""
    lines = ELSEWHERE.read_text(encoding="utf-8").splitlines()
    return [text.strip() for line in lines if not line.startswith("#") for text in line.split(";")]


def phrase_facts() -> list[tuple[str, str]]:
    """Every phrase that names one fact by itself."""
    tables = (vocabulary.SETTINGS, vocabulary.NOUNS, vocabulary.EVENTS, vocabulary.SINGULARS)
    rows = [(phrase, fact) for table in tables for fact, options in table.items() for phrase in options]
    for colour, shades in vocabulary.COLOURS.items():
        rows += [
            (f"a {shade} {noun}", f"{colour} car")
            for shade in shades
            for noun in ("car", "automobile", "taxi")
        ]
    return rows


def extra_texts(known: set[str]) -> Bank:
    """Phrases and free sentences; each fact's phrases weigh the same together."""
    phrases = [(text, fact) for text, fact in phrase_facts() if fact in known]
    sentences = [(text, facts) for text, facts in free_sentences() if set(facts) <= known]
    per_fact: dict[str, int] = {}
    for _, fact in phrases:
        per_fact[fact] = per_fact.get(fact, 0) + 1
    weights = [PHRASE_WEIGHT / len(per_fact) / per_fact[fact] for _, fact in phrases]
    weights += [SENTENCE_WEIGHT / len(sentences)] * len(sentences)
    return Bank(
        [text for text, _ in [*phrases, *sentences]],
        [[fact] for _, fact in phrases] + [facts for _, facts in sentences],
        np.array(weights, np.float32),
    )


def fit_head(images: Floats, captions: CaptionSet, encoder: SentenceEncoder) -> Head:
    """The head for image vectors of the captions' scenes. Shapes: images (n, 256)."""
    extra = extra_texts(set(captions.facts))
    sentences = np.concatenate([captions.sentences, encoder(extra.texts)])
    asserted = np.concatenate([captions.asserted, one_hot(extra.facts, captions.facts)])
    share = np.full(len(captions.texts), 1 / len(captions.texts), np.float32)
    weights = np.concatenate([share, extra.weights])
    targets, known = _targets(images, captions.true, asserted)
    return _ridge(sentences[known], targets[known], weights[known])


def _targets(images: Floats, true: Floats, asserted: Floats) -> tuple[Floats, np.ndarray]:
    """The discriminant of each text's scenes, length 1, and which texts have enough scenes."""
    mean = images.mean(0)
    covariance = np.cov(images.T, bias=True) + SHRINKAGE * np.eye(images.shape[1])
    wanted, which = np.unique(asserted, axis=0, return_inverse=True)  # many texts say the same
    centres, counts = np.zeros((len(wanted), images.shape[1])), np.zeros(len(wanted))
    for start in range(0, len(wanted), 512):
        block = wanted[start : start + 512]
        matches = (true @ block.T >= block.sum(1) - 0.5).astype(np.float32)
        counts[start : start + 512] = matches.sum(0)
        centres[start : start + 512] = matches.T @ images / np.maximum(matches.sum(0), 1)[:, None]
    directions = np.linalg.solve(covariance, (centres - mean).T).T
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) + 1e-9
    which = which.reshape(-1)
    return directions[which].astype(np.float32), (counts >= FEWEST)[which]


def _ridge(sentences: Floats, targets: Floats, weights: Floats) -> Head:
    inputs = np.concatenate([sentences, np.ones((len(sentences), 1))], axis=1)
    weighted = inputs * (weights / weights.sum())[:, None]
    penalty = RIDGE * np.eye(inputs.shape[1])
    penalty[-1, -1] = 1e-6  # the bias is free
    solution = np.linalg.solve(weighted.T @ inputs + penalty, weighted.T @ targets)
    return Head(solution[:-1].T.astype(np.float32), solution[-1].astype(np.float32))


def blend(first: Head, second: Head, sentences: Floats, *, share: float) -> Head:
    """A share (0-1) of the first head and the rest of the second, their answers made equally long before."""
    lengths = [float(np.linalg.norm(head(sentences), axis=1).mean()) for head in (first, second)]
    weights = share / lengths[0], (1 - share) / lengths[1]
    return Head(
        first.weight * weights[0] + second.weight * weights[1],
        first.bias * weights[0] + second.bias * weights[1],
    )


def calibrate(head: Head, images: Floats, captions: CaptionSet) -> tuple[float, float]:
    """Scale and bias that turn a cosine into the chance of a match: sigmoid(scale * cosine + bias)."""
    pick = np.random.default_rng(0)
    rows = pick.choice(len(images), min(1000, len(images)), replace=False)
    columns = pick.choice(len(captions.texts), min(1000, len(captions.texts)), replace=False)
    asserted = captions.asserted[columns]
    matches = (captions.true[rows] @ asserted.T >= asserted.sum(1) - 0.5).ravel().astype(float)
    cosines = (images[rows] @ unit(head(captions.sentences[columns])).T).ravel().astype(float)
    inputs, answer = np.stack([cosines, np.ones_like(cosines)]), np.zeros(2)
    for _ in range(25):  # Newton's method on the logistic loss, from where it is curved most
        chance = 1 / (1 + np.exp(-answer @ inputs))
        curvature = (inputs * (chance * (1 - chance))) @ inputs.T + 1e-6 * np.eye(2)
        answer = answer - np.linalg.solve(curvature, inputs @ (chance - matches))
    return float(answer[0]), float(answer[1])


def save_head(head: Head, path: Path, *, scale: float, bias: float) -> None:
    """As the endpoint reads it."""
    tensors = {
        "weight": np.ascontiguousarray(head.weight), "bias": head.bias,
        "logit_scale": np.array([scale], np.float32), "logit_bias": np.array([bias], np.float32),
    }  # fmt: skip
    save_file(tensors, path)
    path.chmod(0o644)  # safetensors writes for the owner only; containers run as others
