"""A Markdown file as pieces that can be cited: headings kept, code blocks whole, a little overlap."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_WORDS = 150
"""Of one piece, unless one block is longer: about the 256 tokens that the document model reads."""
OVERLAP_WORDS = 40
"""A block up to this long that ends a piece begins the next one too."""
MAX_SENTENCE_CHARS = 600
MAX_ABOUT_CHARS = 2000
_MEANING = re.compile(r"\b(meaning|description|overview|summary|about|what (it|this) (is|means))\b", re.I)
_IMPACT = re.compile(r"\b(impact|symptoms?|effects?|consequences?)\b", re.I)
_FRONT_MATTER = re.compile(r"\A---\s*\n(.*?)\n---\s*(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:\s*[\"']?(.+?)[\"']?\s*$", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[A-Z0-9`\"'(*-])")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file. headings: from the top down; lines: from 1; sentences: its prose, without marks."""

    headings: tuple[str, ...]
    text: str
    first_line: int
    last_line: int
    sentences: tuple[str, ...]

    def hash_under(self, title: str) -> bytes:
        """The same for a piece that says the same under the same headings, wherever in the file it stands."""
        whole = "\0".join((title, *self.headings, "", self.text))
        return hashlib.sha256(whole.encode()).digest()


@dataclass(frozen=True, slots=True)
class Document:
    """A file with its title and its pieces."""

    title: str
    chunks: tuple[Chunk, ...]

    @property
    def about(self) -> str:
        """What it says it is about: what its name means, or its first piece."""
        return self._first(_MEANING) or " ".join(self.chunks[0].sentences)[:MAX_ABOUT_CHARS]

    @property
    def impact(self) -> str:
        """What it says it impairs; empty where it does not."""
        return self._first(_IMPACT)

    def _first(self, heading: re.Pattern[str]) -> str:
        found = (chunk for chunk in self.chunks if any(map(heading.search, chunk.headings)))
        return " ".join(" ".join(chunk.sentences) for chunk in list(found)[:1])[:MAX_ABOUT_CHARS]


@dataclass(frozen=True, slots=True)
class _Block:
    """Lines that are never cut: a paragraph, an item of a list, a code block, a table."""

    start: int
    end: int
    words: int
    sentences: tuple[str, ...]


@dataclass(slots=True)
class _Section:
    headings: tuple[str, ...]
    blocks: list[_Block] = field(default_factory=list)


def document_of(path: str, text: str) -> Document:
    """Reads a file; whatever it is, it has pieces unless it has no words."""
    lines, front = _without_front_matter(text)
    tokens = _parser().parse("\n".join(lines))
    for token in tokens:
        if _is_comment(token) and token.map:
            # Nobody who reads the file sees it: it is no part of what the file says.
            lines[slice(*token.map)] = [""] * (token.map[1] - token.map[0])
    sections = list(_sections(tokens, lines))
    named = _FRONT_TITLE.search(front)
    first = next((section.headings[0] for section in sections if section.headings), "")
    title = first or (named[1] if named else PurePosixPath(path).stem)
    chunks = [chunk for section in sections for chunk in _chunks(section, lines, title)]
    return Document(title[:300], tuple(chunks))


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt  # only who reads files needs it

    return MarkdownIt("commonmark").enable("table")


def _without_front_matter(text: str) -> tuple[list[str], str]:
    """The lines, those of the front matter blank so that the others keep their numbers."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")
    found = _FRONT_MATTER.match(text)
    if found is None:
        return text.split("\n"), ""
    blank = "\n" * found[0].count("\n")
    return (blank + text[found.end() :]).split("\n"), found[1]


def _sections(tokens: Sequence["Token"], lines: Sequence[str]) -> Iterator[_Section]:
    """Blocks under their headings."""
    path: list[tuple[int, str]] = []
    section = _Section(())
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.level == 0:
            yield section
            level = int(token.tag[1])
            path = [known for known in path if known[0] < level]
            path.append((level, _plain(tokens[place + 1])))
            section = _Section(tuple(name for _, name in path if name))
        elif token.level == 0 and token.map and token.type != "heading_close":
            section.blocks += _blocks(tokens, place, lines)
    yield section


def _blocks(tokens: Sequence["Token"], place: int, lines: Sequence[str]) -> Iterator[_Block]:
    """A top-level token as blocks: a list by its items, anything else whole, comments not at all."""
    token = tokens[place]
    assert token.map is not None  # noqa: S101 - asked by the caller
    if _is_comment(token):
        return
    inside = _inside(tokens, place)
    if token.type not in ("bullet_list_open", "ordered_list_open"):
        yield _block(token.map, inside, lines)
        return
    items = [at for at in inside if at.type == "list_item_open" and at.level == 1 and at.map]
    for item, following in zip(items, [*items[1:], None], strict=True):
        start, end = item.map or (0, 0)
        end = following.map[0] if following and following.map else end
        yield _block([start, end], [at for at in inside if at.map and start <= at.map[0] < end], lines)


def _is_comment(token: "Token") -> bool:
    return token.type == "html_block" and token.content.lstrip().startswith("<!--")


def _inside(tokens: Sequence["Token"], place: int) -> list["Token"]:
    """The token and all that it holds."""
    found = [tokens[place]]
    if tokens[place].nesting == 1:
        for token in tokens[place + 1 :]:
            found.append(token)
            if token.level == 0:
                break
    return found


def _block(span: Sequence[int], inside: Sequence["Token"], lines: Sequence[str]) -> _Block:
    sentences = tuple(
        sentence for token in inside if token.type == "inline" for sentence in sentences_of(_plain(token))
    )
    text = "\n".join(lines[span[0] : span[1]])
    return _Block(span[0], span[1], len(text.split()), sentences)


def _plain(token: "Token") -> str:
    """An inline token's words, without its marks."""
    parts = []
    for child in token.children or ():
        if child.type in ("softbreak", "hardbreak"):
            parts.append(" ")
        elif child.type in ("text", "code_inline"):
            parts.append(child.content)
    return " ".join("".join(parts).split())


def sentences_of(text: str) -> list[str]:
    """Prose cut where sentences end; very long ones are cut off."""
    return [part.strip()[:MAX_SENTENCE_CHARS] for part in _SENTENCE_END.split(text) if part.strip()]


def _chunks(section: _Section, lines: Sequence[str], title: str) -> Iterator[Chunk]:
    """A section's blocks, as many as fit a piece; a short last block stands in the next piece again."""
    headings = section.headings[1:] if section.headings[:1] == (title,) else section.headings
    taken: list[_Block] = []
    fresh = 0
    for block in section.blocks:
        if fresh and sum(one.words for one in taken) + block.words > MAX_WORDS:
            yield _chunk(headings, taken, lines)
            taken = [one for one in taken[-1:] if one.words <= OVERLAP_WORDS and len(taken) > 1]
            fresh = 0
        taken.append(block)
        fresh += 1
    if fresh and any(block.words for block in taken):
        yield _chunk(headings, taken, lines)


def _chunk(headings: tuple[str, ...], blocks: Sequence[_Block], lines: Sequence[str]) -> Chunk:
    start, end = blocks[0].start, blocks[-1].end
    while end > start + 1 and not lines[end - 1].strip():
        end -= 1
    kept = lines[start:end]
    return Chunk(
        headings,
        "\n".join(kept).strip("\n"),
        start + 1,
        end,
        tuple(sentence for block in blocks for sentence in block.sentences),
    )
