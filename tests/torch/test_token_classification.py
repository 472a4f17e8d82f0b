"""Token-classification checkpoints as transformers saves them, read without torch and answered alike."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from tokenizers.normalizers import BertNormalizer

torch = pytest.importorskip("torch", reason="needs the torch environment: make test-torch")
transformers = pytest.importorskip("transformers", reason="the reference that outputs are compared with")

from gpu_endpoint.models.config import ModelConfig  # noqa: E402
from gpu_endpoint.models.files import ModelFileError  # noqa: E402
from gpu_endpoint.models.token_classification import TokenClassification  # noqa: E402

pytestmark = [
    pytest.mark.torch,
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]

TAGS = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]
TEXTS = [
    "Maria Lopez restarted checkout in Dublin",
    "Jonas",
    "the payments team of Frankfurt asked Wei Chen why web-03 was slow " * 9,
]
VOCABULARY = """
[PAD] <pad> [UNK] [CLS] [SEP] maria lopez restart ##ed checkout in dublin jonas the pay ##ments team of
frankfurt asked wei chen why web - 03 was slow
"""
SMALL = {
    "vocab_size": 64,
    "num_labels": len(TAGS),
    "id2label": dict(enumerate(TAGS)),
    "label2id": {tag: index for index, tag in enumerate(TAGS)},
}
USUAL = SMALL | {
    "hidden_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 128,
    "max_position_embeddings": 64,
    "initializer_range": 0.6,  # answers that differ from token to token
}
FAMILIES: dict[str, tuple[str, dict[str, Any]]] = {
    "bert": ("Bert", USUAL | {"pad_token_id": 0}),
    "bert-tanh": ("Bert", USUAL | {"pad_token_id": 0, "hidden_act": "gelu_new"}),
    "roberta": ("Roberta", USUAL | {"pad_token_id": 1, "type_vocab_size": 1, "max_position_embeddings": 66}),
    "electra": ("Electra", USUAL | {"pad_token_id": 0, "embedding_size": 32}),
    "distilbert": (
        "DistilBert",
        SMALL
        | {"dim": 64, "n_layers": 3, "n_heads": 4, "hidden_dim": 128, "max_position_embeddings": 64}
        | {"initializer_range": 0.6},
    ),
}


def word_pieces() -> Tokenizer:
    pieces = VOCABULARY.split()
    tokenizer = Tokenizer(
        models.WordPiece({piece: index for index, piece in enumerate(pieces)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    )
    return tokenizer


def save(name: str, folder: Path) -> Any:
    """A randomly initialised checkpoint in the form that a hub offers it."""
    kind, options = FAMILIES[name]
    torch.manual_seed(7)
    network = getattr(transformers, f"{kind}ForTokenClassification")(
        getattr(transformers, f"{kind}Config")(**options)
    ).eval()
    network.save_pretrained(folder, safe_serialization=True)
    word_pieces().save(str(folder / "tokenizer.json"))
    return network


def config_of(folder: Path, precision: str = "float32", **renamed: str) -> ModelConfig:
    files = {"weights": "model.safetensors", "tokenizer": "tokenizer.json", "config": "config.json"} | renamed
    return ModelConfig.model_validate(
        {
            "id": "own-tagger",
            "family": "token_classification",
            "precision": precision,
            "licence": "Apache-2.0",
            "source": "this test",
            "tasks": ["tag_entities"],
            "tokenizer": "its own",
            "files": {
                role: {"path": path, "sha256": hashlib.sha256((folder / path).read_bytes()).hexdigest()}
                for role, path in files.items()
            },
        }
    )


def tagger(folder: Path, precision: str = "float32") -> TokenClassification:
    return TokenClassification(config_of(folder, precision), folder, home=folder / "home", threads=1)


@pytest.mark.parametrize("name", FAMILIES)
def test_answers_are_those_of_transformers(name: str, tmp_path: Path) -> None:
    network = save(name, tmp_path)
    model = tagger(tmp_path)
    items = model.prepare(TEXTS)
    assert len(items) > len(TEXTS)  # the last text needs several windows
    ours = model.logits(items)
    for row, item in enumerate(items):
        with torch.inference_mode():
            wanted = network(input_ids=torch.tensor([item.ids])).logits[0].numpy()
        got = ours[row, : len(item.ids)]
        cosines = (got * wanted).sum(-1) / np.linalg.norm(got, axis=-1) / np.linalg.norm(wanted, axis=-1)
        assert cosines.min() >= 0.9999
        assert np.allclose(got, wanted, atol=0.02)


def test_tags_of_words_become_stretches_of_the_text(tmp_path: Path) -> None:
    network = save("bert", tmp_path)
    model = tagger(tmp_path)
    head = model.tasks["tag_entities"]
    items = head.prepare(TEXTS)
    entities = head.finish(TEXTS, items, head.forward(items))
    assert len(entities) == len(TEXTS)
    found = [one for answer in entities for one in answer]
    assert found
    for text, answer in zip(TEXTS, entities, strict=True):
        for one in answer:
            assert text[one["start"] : one["end"]] == one["text"] == one["text"].strip()
            assert one["label"] in ("PER", "LOC")
    # Where the network is sure of a word that begins an entity, so are we.
    with torch.inference_mode():
        chances = network(input_ids=torch.tensor([items[0].ids])).logits[0].softmax(-1).numpy()
    best = chances[items[0].words].argmax(-1)
    begins = [items[0].offsets[word][0] for word, tag in enumerate(best) if TAGS[tag].startswith("B-")]
    assert {one["start"] for one in entities[0]} >= set(begins)


def test_int8_stays_close_to_float32(tmp_path: Path) -> None:
    save("bert", tmp_path)
    exact, rounded = tagger(tmp_path), tagger(tmp_path, "int8")
    items = exact.prepare(TEXTS)
    first, second = exact.logits(items)[0], rounded.logits(items)[0]
    cosines = (first * second).sum(-1) / np.linalg.norm(first, axis=-1) / np.linalg.norm(second, axis=-1)
    assert cosines.mean() > 0.99
    assert exact.revision != rounded.revision


def test_a_pickle_and_other_networks_are_refused(tmp_path: Path) -> None:
    save("bert", tmp_path)
    torch.save({"classifier.weight": torch.zeros(5, 64)}, tmp_path / "pytorch_model.bin")
    config = config_of(tmp_path, weights="pytorch_model.bin")
    with pytest.raises(ModelFileError, match="runs whatever code it carries"):
        TokenClassification(config, tmp_path, home=tmp_path, threads=1)
    said = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(said | {"model_type": "t5"}))
    with pytest.raises(ModelFileError, match="family 't5'"):
        tagger(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(said | {"id2label": {"0": "O"}}))
    with pytest.raises(ModelFileError, match="no classifier for the 1 tags"):
        tagger(tmp_path)
