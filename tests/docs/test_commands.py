"""Every command that README and docs show exists, with its options; what is cheap to run is run."""

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from client.cli import app
from client.cli import run as sightline
from client.output import EXIT_CODES

pytestmark = pytest.mark.docs
ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = sorted(
    page
    for page in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("events/*.md"))
    if page.is_file()
)
SHELL_BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
GROUPS = {group.name for group in app.registered_groups}
# Groups of groups: `notifications channels add`.
INNER = {
    (group.name, inner.name)
    for group in app.registered_groups
    for inner in group.typer_instance.registered_groups
}
INLINE_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def commands(text: str) -> Iterator[list[str]]:
    """The words of each command of a command line: pipes and substitutions are commands of their own."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for token in lexer:
        if re.fullmatch(r"[|;&()<>$]+|.*=\$", token):
            yield words
            words = []
        else:
            words.append(token.strip("[]").removeprefix(".venv/bin/"))
    yield words


def shell_lines(page: Path) -> Iterator[str]:
    """The lines of the page's shell blocks, continuations joined."""
    for block in SHELL_BLOCK.findall(page.read_text()):
        yield from block.replace("\\\n", " ").splitlines()


def shown(command: str) -> list[tuple[str, list[str]]]:
    """Where the docs show a command that starts so: page, and the words that follow."""
    start, found = command.split(), []
    for page in PAGES:
        inline = [text for text in INLINE_CODE.findall(page.read_text()) if text.startswith(command + " ")]
        for text in [*shell_lines(page), *inline]:
            for words in commands(text):
                if words[: len(start)] == start:
                    found.append((page.name, words[len(start) :]))
    return found


def run(*command: str) -> str:
    environment = {**os.environ, "COLUMNS": "200", "NO_COLOR": "1"}
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, env=environment
    )
    assert done.returncode == 0, f"{shlex.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout


def options_in(words: list[str]) -> set[str]:
    return {word.partition("=")[0] for word in words if re.fullmatch(r"--?[a-z][a-z-]*(=.*)?", word)}


@pytest.fixture(scope="module")
def sightline_help() -> dict[str, str]:
    """Help text by command."""
    names = {" ".join(command_of(words)) for _, words in shown("sightline")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "200")
        return {name: help_of(name) for name in sorted(names | {""})}


def help_of(command: str) -> str:
    """What `sightline COMMAND --help` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert sightline([*command.split(), "--help"]) == 0, command
    return out.getvalue()


def command_of(words: list[str]) -> list[str]:
    """The words that name the command: `keys create`, not its arguments."""
    rest = list(words)
    while rest and rest[0] in ("--workspace", "--api"):
        rest = rest[2:]
    if not rest or not re.fullmatch(r"[a-z]+", rest[0]):
        return []
    pair = rest[0] in GROUPS and len(rest) > 1 and re.fullmatch(r"[a-z]+(-[a-z]+)*", rest[1])
    inner = tuple(rest[:2]) in INNER and len(rest) > 2 and re.fullmatch(r"[a-z]+", rest[2])
    return rest[: 3 if inner else 2 if pair else 1]


def test_every_sightline_command_and_option_shown_exists(sightline_help: dict[str, str]) -> None:
    uses = shown("sightline")
    assert len(uses) >= 15
    for page, words in uses:
        help_text = sightline_help[" ".join(command_of(words))] + sightline_help[""]
        missing = [option for option in options_in(words) if option not in help_text]
        assert not missing, f"{page}: sightline {' '.join(words)} has no {missing}"


def test_every_make_target_shown_exists_and_would_run() -> None:
    targets = {word for _, words in shown("make") for word in words if "=" not in word}
    assert {"demo", "test", "up", "check", "lock"} <= targets
    makefile = (ROOT / "Makefile").read_text()
    unknown = [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)]
    assert unknown == []
    run("make", "--dry-run", *sorted(targets))


def test_make_help_lists_every_target() -> None:
    listed = run("make", "help")
    phony = re.findall(r"^\.PHONY: (\S+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert [target for target in phony if target != "help" and f"make {target}" not in listed] == []


def test_every_python_module_shown_is_there() -> None:
    modules = {words[0] for _, words in shown("python -m") if words}
    assert "local_cloud" in modules
    assert [module for module in sorted(modules) if find_spec(module) is None] == []


@pytest.mark.parametrize("module", ["local_cloud", "gpu_endpoint", "gpu_endpoint.training.drive"])
def test_every_option_of_our_modules_shown_exists(module: str) -> None:
    uses = shown(f"python -m {module}")
    commands_shown = {words[0] for _, words in uses if words and re.fullmatch(r"[a-z]+", words[0])}
    texts = [run(sys.executable, "-m", module, "--help")]
    if module == "gpu_endpoint":
        texts += [run(sys.executable, "-m", module, command, "--help") for command in sorted(commands_shown)]
    for page, words in uses:
        missing = [option for option in options_in(words) if option not in "".join(texts)]
        assert not missing, f"{page}: python -m {module} {' '.join(words)} has no {missing}"


def test_every_file_that_a_command_runs_is_there() -> None:
    scripts = {
        word
        for page in PAGES
        for line in shell_lines(page)
        for words in commands(line)
        for word in words
        if re.fullmatch(r"(?:\./)?[\w./-]+\.(?:py|sh)", word)
    }
    assert [script for script in scripts if not (ROOT / script).exists()] == []


def test_the_exit_codes_documented_are_the_client_s() -> None:
    page = (ROOT / "docs/client.md").read_text()
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", page, re.MULTILINE)}
    assert documented == {0, 1, 2, 130} | set(EXIT_CODES)


def test_the_python_shown_in_the_client_s_page_is_the_client() -> None:
    page = (ROOT / "docs/client.md").read_text()
    [example] = re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    imports, _, use = example.partition("\nwith ")
    calls = re.findall(r"sightline\.(\w+)\(", use)
    assert {"upload", "wait", "search"} <= set(calls)
    run(sys.executable, "-c", f"{imports}\nfor name in {calls!r}:\n    getattr(Sightline, name)\n")
    compile(example, "docs/client.md", "exec")
