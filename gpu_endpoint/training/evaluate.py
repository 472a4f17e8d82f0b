"""Measure the bundled model: `python -m gpu_endpoint.training.evaluate`. Needs no torch."""

from __future__ import annotations

import argparse
import importlib.util
import json
import random
from pathlib import Path
from types import ModuleType

import numpy as np

from gpu_endpoint.models.minilm import load_sentence_encoder
from gpu_endpoint.training import bundled, footage
from gpu_endpoint.training.bundled import HEAD_FILE, IMAGE_FILE, MODEL_ID, WEIGHTS, SceneModel
from gpu_endpoint.training.dataset import SceneSet, cached_set
from gpu_endpoint.training.photograph import enlarged
from gpu_endpoint.training.retrieval import Area, Outcome, Query, area_over_clips, rank

BUILD = bundled.BUILD
REPOSITORY = Path(__file__).parents[2]
SHARED = REPOSITORY.parent / "shared"
HELD_OUT = Path(__file__).with_name("heldout_queries.json")
CARD, FIGURES = WEIGHTS / f"{MODEL_ID}.md", "## Figures\n"
TEST_SCENES, TEST_SEED = 4000, 9001  # training uses other seeds


def heldout_queries() -> list[Query]:
    """Free-form queries in words that the caption grammar never uses."""
    return [Query(row["query"], row["facts"]) for row in json.loads(HELD_OUT.read_text())]


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"probe_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def probe_queries(probes: Path) -> list[Query]:
    """The probe's 32 queries, read where they lie."""
    return [Query(text, facts) for text, facts in _module(probes / "queries.py").Q]


def probe_scenes(probes: Path) -> SceneSet:
    """Scenes of the probe's own renderer (96 px, enlarged), which no part of training has seen."""
    render, rng = _module(probes / "scenes.py").render, random.Random(TEST_SEED)
    pictures, facts = zip(*(render(rng) for _ in range(TEST_SCENES)), strict=True)
    return SceneSet(np.stack([enlarged(picture) for picture in pictures]), list(facts))


def mean_precision(outcomes: list[Outcome]) -> tuple[float, float]:
    """Mean precision of the first ten, and mean prevalence."""
    return float(np.mean([o.precision for o in outcomes])), float(np.mean([o.prevalence for o in outcomes]))


def measure_scenes(model: SceneModel, scenes: SceneSet, queries: list[Query]) -> list[Outcome]:
    """Rank the scenes for every query."""
    vectors = model.embed_pictures(scenes.pictures)
    return rank(queries, model.embed_texts([q.text for q in queries]), vectors, scenes.facts)


def measure_footage(model: SceneModel, folder: Path) -> dict[str, dict[str, Area]]:
    """The area under the ROC curve of each query: all cameras, those held apart, frames averaged."""
    real = footage.read_footage(folder)
    alone = model.embed_pictures(real.pictures)
    together = footage.with_neighbours(alone, real.clips)
    every = np.ones(len(alone), bool)
    groups = {
        "all": (alone, every),
        "held apart": (alone, real.apart),
        f"all, with those within {footage.NEAR_S:g} s": (together, every),
    }
    tables: dict[str, dict[str, Area]] = {group: {} for group in groups}
    for name, text in footage.QUERIES.items():
        question = model.embed_texts([text])[0]
        for group, (vectors, members) in groups.items():
            scores, known = vectors @ question, members & (real.labels[name] >= 0)
            positive = real.labels[name][known] == 1
            if min(positive.sum(), (~positive).sum()) >= footage.FEWEST:
                tables[group][name] = area_over_clips(scores[known], positive, real.clips[known])
    return tables


def scene_rows(model: SceneModel, probes: Path, *, verbose: bool) -> list[str]:
    """Precision of the first ten, per set of queries and renderer."""
    own, free = cached_set(BUILD, TEST_SCENES, TEST_SEED), heldout_queries()
    results = {"24 free-form queries in held-out words, own renderer": measure_scenes(model, own, free)}
    if probes.exists():
        queries, drawn = probe_queries(probes), probe_scenes(probes)
        results["the probe's queries, own renderer"] = measure_scenes(model, own, queries)
        results["the probe's queries, the probe's renderer"] = measure_scenes(model, drawn, queries)
        results["free-form queries, the probe's renderer"] = measure_scenes(model, drawn, free)
    rows = ["| P@10 | prevalence | queries | of |", "|---|---|---|---|"]
    for name, outcomes in results.items():
        precision, prevalence = mean_precision(outcomes)
        rows.append(f"| {precision:.3f} | {prevalence:.3f} | {len(outcomes)} | {name} |")
        for o in outcomes if verbose else []:
            print(f"    {o.precision:.1f}  {o.matching:5d} matching  {o.text}")
    return rows


def arithmetic_rows(model: SceneModel, reference: SceneModel) -> list[str]:
    """Cosine of int8 to float32 vectors."""
    pictures = cached_set(BUILD, TEST_SCENES, TEST_SEED).pictures[:1000]
    texts = [query.text for query in heldout_queries()]
    pairs = {
        "1,000 test scenes": (reference.embed_pictures(pictures), model.embed_pictures(pictures)),
        "24 texts": (reference.embed_texts(texts), model.embed_texts(texts)),
    }
    rows = ["| int8 against float32 | mean cosine | least |", "|---|---|---|"]
    for name, (expected, found) in pairs.items():
        cosine = (expected * found).sum(1)
        rows.append(f"| {name} | {cosine.mean():.4f} | {cosine.min():.4f} |")
    return rows


def footage_rows(model: SceneModel, folder: Path) -> list[str]:
    """Real footage, validation only."""
    rows = [
        "| cameras | attribute | query | area under ROC | 95 % over clips | frames with | without | clips |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for group, table in measure_footage(model, folder).items():
        for name, area in table.items():
            interval = f"{area.low:.2f}-{area.high:.2f}"
            counts = f"{area.ones} | {area.zeros} | {area.clips}"
            rows.append(
                f"| {group} | {name} | {footage.QUERIES[name]} | {area.value:.2f} | {interval} | {counts} |"
            )
    return rows


def write_card(sections: list[list[str]]) -> None:
    """Put the tables under the model card's last heading."""
    text = CARD.read_text(encoding="utf-8")
    kept = text[: text.index(FIGURES) + len(FIGURES)]
    CARD.write_text(kept + "\n" + "\n\n".join("\n".join(rows) for rows in sections) + "\n", encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description="Measure the bundled model.")
    parser.add_argument("--shared", type=Path, default=SHARED, help="where probes and real footage lie")
    parser.add_argument("--image", type=Path, default=WEIGHTS / IMAGE_FILE)
    parser.add_argument("--head", type=Path, default=WEIGHTS / HEAD_FILE)
    parser.add_argument("--float-image", type=Path, default=BUILD / "image.float32.onnx")
    parser.add_argument("--verbose", action="store_true", help="print every query")
    parser.add_argument("--card", action="store_true", help="write the tables into the model card")
    options = parser.parse_args(arguments)
    model = SceneModel(options.image, options.head, load_sentence_encoder(BUILD, precision="int8"))
    sections = [scene_rows(model, options.shared / "probes" / "models", verbose=options.verbose)]
    if options.float_image.exists():
        exact = load_sentence_encoder(BUILD, precision="float32")
        sections.append(arithmetic_rows(model, SceneModel(options.float_image, options.head, exact)))
    driving = options.shared / "data" / "driving"
    if driving.exists():
        sections.append(footage_rows(model, driving))
    print("\n\n".join("\n".join(rows) for rows in sections))
    if options.card:
        write_card(sections)


if __name__ == "__main__":
    main()
