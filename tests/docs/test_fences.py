"""Every block of code of every page is run, or says why not; and what is not run is looked at all the same."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import yaml

from model.finetune.arguments import parser as teaching
from server.settings import Settings
from tests.docs.fences import FRAGMENT, MARKS, Fence, fences, pages
from tests.support.processes import ROOT

SHELL = ("sh", "bash", "console")
_LOOKS_LIKE_A_COMMAND = re.compile(
    r"^\s*(\$ |sudo |curl |docker |kubectl |pip |uv |uvx |pipx |make |npm |\.venv|python3? |vibevoice-asr|export )"
)


def of(*languages: str) -> list[Fence]:
    return [fence for fence in fences() if fence.language in languages]


def commands(fence: Fence) -> Iterator[list[str]]:
    """The words of each command in a block; what pipes and lists hold together is several."""
    text = fence.text.replace("\\\n", " ")
    for line in text.splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;<>")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in lexer:
            if set(word) <= set("|&;"):
                yield words
                words = []
            else:
                words.append(word)
        if words:
            yield words


def test_no_block_of_commands_is_without_a_mark() -> None:
    bad = [
        f"{fence}: {fence.language} {fence.mark}"
        for fence in fences()
        if fence.is_command and fence.mark not in MARKS and not fence.mark.startswith(FRAGMENT)
    ]
    assert bad == [], f"the second word is one of {', '.join(MARKS)}, or {FRAGMENT}FILE"


def test_no_command_hides_in_a_block_without_a_language() -> None:
    hidden = [
        f"{fence}: {line}"
        for fence in fences()
        if not fence.is_command and fence.language in ("", "text")
        for line in fence.text.splitlines()
        if _LOOKS_LIKE_A_COMMAND.match(line)
    ]
    assert hidden == []


def test_other_blocks_bear_no_mark() -> None:
    assert [str(fence) for fence in fences() if fence.mark and not fence.is_command] == []


def test_what_runs_the_fragments_is_there() -> None:
    named = {fence: fence.mark.removeprefix(FRAGMENT) for fence in fences() if fence.mark.startswith(FRAGMENT)}
    assert [f"{fence}: {file}" for fence, file in named.items() if not (ROOT / file).is_file()] == []


def test_contributing_tells_of_every_mark() -> None:
    """The table there is this one."""
    page = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", page, re.MULTILINE))
    assert {mark: rows.get(mark) for mark in MARKS} == MARKS


@pytest.mark.parametrize("fence", of("python"), ids=str)
def test_python_can_be_read(fence: Fence) -> None:
    if fence.mark != "outline":
        compile(fence.text, str(fence), "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


@pytest.mark.parametrize("fence", of("json", "yaml"), ids=str)
def test_json_and_yaml_can_be_read(fence: Fence) -> None:
    if fence.language == "yaml":
        assert list(yaml.safe_load_all(fence.text))
        return
    at, decoder = 0, json.JSONDecoder()
    while at < len(fence.text.rstrip()):
        _, at = decoder.raw_decode(fence.text, at)
        at += len(fence.text[at:]) - len(fence.text[at:].lstrip())


@pytest.mark.parametrize("fence", of(*SHELL), ids=str)
def test_shell_can_be_read(fence: Fence) -> None:
    done = subprocess.run(["bash", "-n"], input=fence.text, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def served() -> list[tuple[str, list[str]]]:
    """Every command of a page that starts a server, wherever it is: its flags."""
    found = []
    for fence in of(*SHELL):
        for words in commands(fence):
            names = [Path(word).name for word in words]
            if "vibevoice-asr-server" in names and not {"pip", "uv", "pipx", "docker"} & set(names):
                found.append((str(fence), words[names.index("vibevoice-asr-server") + 1 :]))
            elif words[:2] == ["vibevoice-asr", "serve"]:
                found.append((str(fence), words[2:]))
    return found


@pytest.mark.parametrize(("place", "flags"), served(), ids=lambda value: str(value)[:60])
def test_flags_of_servers_are_taken(
    place: str, flags: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also on machines that the server could not start on."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "keys.txt").write_text("sk-of-a-test\n")
    monkeypatch.setenv("VIBEVOICE_WEBHOOK_SECRETS", "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    if not {"--help", "--version"} & set(flags):
        assert Settings.from_cli(flags), place  # what is wrong with them is in the output


def test_make_knows_every_target_that_is_named() -> None:
    """In blocks and in the text."""
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    unknown = set()
    for page in pages():
        text = (ROOT / page).read_text("utf-8")
        for inside in re.findall(r"`(make [^`]+)`", text) + re.findall(r"^(make .*)$", text, re.MULTILINE):
            for word in inside.replace("\n", " ").split()[1:]:
                if not re.fullmatch(r"[a-z][a-z-]*(?:\.\.\.)?", word):
                    break
                if not word.endswith("...") and word not in known:
                    unknown.add(f"{page}: make {word}")
    assert unknown == set()


def test_every_file_that_commands_name_is_there() -> None:
    """Also in a clone: what .gitignore keeps out of it is missed there."""
    named = set()
    for file in ("Makefile", ".ci/run"):
        text = (ROOT / file).read_text("utf-8")
        named |= set(re.findall(r"(?<![\w./-])(?:bench|deploy|docker|docs|model|server|tests)/[\w./-]*\w", text))
    assert {"tests/dist", "docker/Dockerfile"} <= named
    assert [name for name in named if "node_modules" not in name and not (ROOT / name).exists()] == []


def test_every_module_that_is_named_is_there() -> None:
    named = {
        (page, module)
        for page in pages()
        for module in re.findall(r"python3? -m ([\w.]+)", (ROOT / page).read_text("utf-8"))
    }
    ours = {(page, module) for page, module in named if module.split(".")[0] in ("bench", "model", "server", "tests")}
    assert [f"{page}: {module}" for page, module in ours if find_spec(module) is None] == []


def test_every_compose_file_that_is_named_is_there() -> None:
    named = {
        (str(fence), words[at + 1])
        for fence in of(*SHELL)
        for words in commands(fence)
        for at, word in enumerate(words[:-1])
        if word in ("-f", "-k") and ("compose" in words or "kubectl" in words)
    }
    assert [f"{place}: {file}" for place, file in named if not (ROOT / file).exists()] == []


@pytest.mark.parametrize("fence", [fence for fence in of(*SHELL) if fence.mark == "make"], ids=str)
def test_make_would_do_it(fence: Fence) -> None:
    for words in commands(fence):
        assert words[0] == "make"
        command = ["make", "--dry-run", *words[1:]]
        done = subprocess.run(
            command, cwd=ROOT, env=os.environ | {"CI": ""}, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("jobs", ["some jobs", ""])
def test_the_server_takes_what_make_starts_it_with(jobs: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command = ["make", "--no-print-directory", "--dry-run", "serve", f"JOBS_FOLDER={jobs}"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    _, _, flags = done.stdout.replace("\\\n", " ").rpartition("python -m server ")
    monkeypatch.chdir(tmp_path)
    assert Settings.from_cli(shlex.split(flags)).jobs_folder == (Path(jobs) if jobs else None)


FOREIGN = {"--build-arg", "--profile", "--require-hashes", "--sample"}
FOREIGN |= {"--deaths", "--go-on", "--kills", "--minutes", "--recordings"}
"""Flags of Docker, of pip, of benches and recipes that the text speaks of."""
OF_OTHERS = {"docs/clients.md", "docs/command-line.md", "docs/comparison.md", "docs/evaluation.md"}
OF_OTHERS |= {"docs/finetuning.md", "docs/recipes.md"}
"""Pages about other programs; the command line holds its page against itself."""


@pytest.mark.parametrize("page", [page for page in pages() if page.startswith(("docs/", "README"))])
def test_every_flag_that_the_text_names_is_a_setting(page: str) -> None:
    settings = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    known = settings | {flag.replace("--", "--no-", 1) for flag in settings} | FOREIGN
    named = set(re.findall(r"`(--[a-z][a-z0-9-]*[a-z0-9])", (ROOT / page).read_text("utf-8")))
    assert page in OF_OTHERS or named - known == set()


def test_every_flag_of_teaching_is_one() -> None:
    """Or a setting, or a flag of the bench that the page speaks of."""
    settings = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    known = settings | set(teaching("finetune")._option_string_actions) | {"--parts"}
    named = set(re.findall(r"(--[a-z][a-z0-9-]*[a-z0-9])", (ROOT / "docs" / "finetuning.md").read_text("utf-8")))
    assert named - known == set()
