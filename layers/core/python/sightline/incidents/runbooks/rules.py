"""What a question is about, decided without looking anything up."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sightline.words import content_words

MAX_SUBJECT_CHARS = 1200
MAX_CONTEXT_CHARS = 1500
MAX_QUOTE_CHARS = 800
FEW_WORDS = 3
"""A question with no more words that mean something, and no name in it, may go on from the one before."""
# What people type for what runbooks write out. Source: the short names of `kubectl api-resources`, with those
# of OpenShift's machine configuration and of KubeVirt.
SHORT_NAMES: Mapping[str, str] = {
    "cj": "cronjob",
    "cm": "configmap",
    "crd": "custom resource definition",
    "csr": "certificate signing request",
    "deploy": "deployment",
    "ds": "daemonset",
    "ep": "endpoints",
    "hpa": "horizontal pod autoscaler",
    "ing": "ingress",
    "mc": "machine config",
    "mcp": "machine config pool",
    "netpol": "network policy",
    "ns": "namespace",
    "pdb": "pod disruption budget",
    "po": "pod",
    "pv": "persistent volume",
    "pvc": "persistent volume claim",
    "rs": "replicaset",
    "sa": "service account",
    "sc": "storage class",
    "sts": "statefulset",
    "svc": "service",
    "vm": "virtual machine",
    "vmi": "virtual machine instance",
}
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_NAME = re.compile(r"`[^`]+`|\b\w*[a-z0-9][A-Z]\w*|\b[\w-]+[_/:.]\w[\w./:-]*|\b\w*\d\w*\b")
_REFERS = re.compile(
    r"\b(it|its|that|this|these|those|them|they|there|same|above|again|else|instead)\b|^(and|but|then|or|so|"
    r"what about|how about|what if|why|ok|okay)\b",
    re.I,
)


def follows(question: str) -> bool:
    """Whether it may speak of what was asked before: it points there, or hardly says anything itself."""
    said = [word for word in content_words(question) if not word.isdigit()]
    if _NAME.search(question) and len(said) > FEW_WORDS:
        return False
    return len(said) <= FEW_WORDS or (bool(_REFERS.search(question)) and len(said) <= 2 * FEW_WORDS)


def subject_of(question: str, earlier: Sequence[str]) -> str:
    """The question with the subject before it, where it follows; earlier: subjects, newest first."""
    if not earlier or not follows(question):
        return question
    return f"{earlier[0]}\n{question}"[-MAX_SUBJECT_CHARS:]


def expanded(text: str) -> str:
    """With short names written out beside them."""
    found = (SHORT_NAMES.get(word.lower()) for word in _WORD.findall(text))
    added = list(dict.fromkeys(name for name in found if name))
    return f"{text} ({', '.join(added)})" if added else text


def context_of(alerts: Iterable[Mapping[str, Any]]) -> str:
    """What an incident's alerts say, each title once, with what they name."""
    lines: list[str] = []
    for alert in alerts:
        named = [str(alert[name]) for name in ("service", "category") if alert.get(name)]
        named += [str(one["text"]) for one in alert.get("entities") or () if one.get("label") == "error_code"]
        lines.append(f"{alert['title']} {' '.join(dict.fromkeys(named))}".strip())
    return "\n".join(dict.fromkeys(lines))[:MAX_CONTEXT_CHARS]


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a piece, and the lines they stand in, counted from the piece's own first line, which is 0."""

    text: str
    first: int
    last: int


def quote_of(sentence: str, text: str) -> Quote:
    """The paragraph of a piece that shares most words with a sentence."""
    said = set(content_words(sentence))
    lines = text.split("\n")
    first, last = max(_paragraphs(lines), key=lambda span: (len(said & _words(lines, span)), -span[0]))
    return Quote("\n".join(lines[first : last + 1])[:MAX_QUOTE_CHARS], first, last)


def _paragraphs(lines: Sequence[str]) -> list[tuple[int, int]]:
    """Runs of lines between blank ones; a piece without any words is one."""
    found: list[tuple[int, int]] = []
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found or [(0, len(lines) - 1)]


def _words(lines: Sequence[str], span: tuple[int, int]) -> set[str]:
    return set(content_words("\n".join(lines[span[0] : span[1] + 1])))
