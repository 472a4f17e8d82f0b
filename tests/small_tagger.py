"""Small taggers of BERT's family with random weights, in the files that transformers would have saved."""

import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from tokenizers.normalizers import BertNormalizer

TAGS = ("O", "B-PER", "I-PER", "B-LOC")
PIECES = [
    "[PAD]",
    "<pad>",
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "maria",
    "lopez",
    "restart",
    "##ed",
    "checkout",
    "in",
    "dublin",
]
WIDTH, INNER, LAYERS, HEADS, POSITIONS = 32, 64, 2, 4, 66
EMBEDDED = {"word": len(PIECES), "position": POSITIONS, "token_type": 1}
BERT = {
    "linear": {
        "attention.self.query": (WIDTH, WIDTH),
        "attention.self.key": (WIDTH, WIDTH),
        "attention.self.value": (WIDTH, WIDTH),
        "attention.output.dense": (WIDTH, WIDTH),
        "intermediate.dense": (INNER, WIDTH),
        "output.dense": (WIDTH, INNER),
    },
    "norms": ("attention.output.LayerNorm", "output.LayerNorm"),
}
DISTILBERT = {
    "linear": {
        "attention.q_lin": (WIDTH, WIDTH),
        "attention.k_lin": (WIDTH, WIDTH),
        "attention.v_lin": (WIDTH, WIDTH),
        "attention.out_lin": (WIDTH, WIDTH),
        "ffn.lin1": (INNER, WIDTH),
        "ffn.lin2": (WIDTH, INNER),
    },
    "norms": ("sa_layer_norm", "output_layer_norm"),
}
Tensors = dict[str, np.ndarray]


def save_tagger(folder: Path, kind: str) -> None:
    """model.safetensors, config.json and tokenizer.json of a `bert`, `roberta` or `distilbert`."""
    folder.mkdir(parents=True)
    save_file(weights(kind), folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config(kind)))
    word_pieces().save(str(folder / "tokenizer.json"))


def weights(kind: str) -> Tensors:
    """By the family's own names."""
    distilled = kind == "distilbert"
    layer = DISTILBERT if distilled else BERT
    shapes = {f"{kind}.embeddings.{name}_embeddings": (count, WIDTH) for name, count in EMBEDDED.items()}
    if distilled:
        del shapes[f"{kind}.embeddings.token_type_embeddings"]
    random = np.random.default_rng(1)
    made = {f"{name}.weight": random.normal(0, 0.6, shape) for name, shape in shapes.items()}
    linear, norms = {"classifier": (len(TAGS), WIDTH)}, [f"{kind}.embeddings.LayerNorm"]
    for number in range(LAYERS):
        start = f"{kind}.{'transformer' if distilled else 'encoder'}.layer.{number}."
        linear |= {start + name: shape for name, shape in layer["linear"].items()}
        norms += [start + name for name in layer["norms"]]
    for name, shape in linear.items():
        made |= {f"{name}.weight": random.normal(0, 0.6, shape), f"{name}.bias": np.zeros(shape[0])}
    for name in norms:
        made |= {f"{name}.weight": np.ones(WIDTH), f"{name}.bias": np.zeros(WIDTH)}
    return {name: tensor.astype(np.float32) for name, tensor in made.items()}


def config(kind: str) -> dict[str, object]:
    """As much of config.json as says what the network is."""
    common = {
        "model_type": kind,
        "id2label": dict(enumerate(TAGS)),
        "max_position_embeddings": POSITIONS,
        "pad_token_id": 1 if kind == "roberta" else 0,
    }
    if kind == "distilbert":
        return common | {"n_layers": LAYERS, "n_heads": HEADS, "activation": "gelu"}
    return common | {"num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "hidden_act": "gelu"}


def word_pieces() -> Tokenizer:
    """A tokenizer that knows a dozen pieces."""
    tokenizer = Tokenizer(
        models.WordPiece({piece: number for number, piece in enumerate(PIECES)}, unk_token="[UNK]")
    )
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 3), ("[SEP]", 4)]
    )
    return tokenizer
