"""CLIP's tokenizer as a tokenizer.json, so that a pulled model needs neither torch nor open_clip to serve.

Source: Radford et al. 2021 (arXiv:2103.00020), github.com/openai/CLIP clip/simple_tokenizer.py.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from gpu_endpoint.models.files import ModelFileError

WORDS = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

Tokens = npt.NDArray[np.int64]


def write_tokenizer(vocabulary: Mapping[str, int], merges: Sequence[tuple[str, str]], path: Path) -> None:
    """Byte pairs in lower case with an end-of-word mark; the last two entries begin and end a text."""
    start, end = sorted(vocabulary, key=vocabulary.__getitem__)[-2:]
    tokenizer = Tokenizer(
        models.BPE(
            dict(vocabulary),
            list(merges),
            continuing_subword_prefix="",
            end_of_word_suffix="</w>",
            unk_token=end,
        )
    )
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(f"{start}|{end}|{WORDS}"), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(start, vocabulary[start]), (end, vocabulary[end])],
    )
    tokenizer.save(str(path))


class ClipTokenizer:
    """Texts to rows of `context` token ids, padded with zeros; the end mark stays when a text is cut."""

    def __init__(self, path: Path, *, context: int) -> None:
        try:
            self._tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # tokenizers raises plain Exception
            raise ModelFileError(f"{path} is not a tokenizer.json") from error
        self._tokenizer.enable_truncation(context)
        self._tokenizer.enable_padding(length=context, pad_id=0)

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Shapes: n texts -> (n, context)."""
        plain = [html.unescape(html.unescape(text)).strip() for text in texts]
        return np.array([one.ids for one in self._tokenizer.encode_batch(plain)], np.int64)
