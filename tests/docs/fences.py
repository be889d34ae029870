"""The blocks of code in the project's pages, and what their marks say about running them.

A block whose language is one of commands has a second word behind it, which readers do not see::

    ```sh run

``run`` and ``conformance`` are run; the others say why not, and what is looked at instead.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.support.processes import ROOT

COMMANDS = frozenset({"sh", "bash", "console", "python", "js", "ts"})
RUN = "run"
CONFORMANCE = "conformance"
FRAGMENT = "fragment:"
MARKS = {
    RUN: "run against a server with the tiny checkpoint, by tests/docs/test_commands.py",
    CONFORMANCE: "run too, with packages that `make conformance` installs, by tests/conformance/test_pages.py",
    "server": "starts a server, which the tests have already: its flags are read by the server's own parser",
    "make": "installs into .venv: make is asked what it would do",
    "gpu": "needs a GPU",
    "network": "fetches packages or weights from the network",
    "docker": "needs a container engine",
    "cluster": "needs Kubernetes or Ray",
    "desktop": "needs a microphone, a screen or an application of the desktop",
    "hours": "takes minutes to hours",
    "outline": "names and signatures, nothing to run",
}
"""What each mark means; behind ``fragment:`` stands the file that does what a part of something shows."""


@dataclass(frozen=True, slots=True)
class Fence:
    """A block of code: its language and mark (empty where there is none), and where it stands."""

    page: str
    line: int
    language: str
    mark: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def is_command(self) -> bool:
        return self.language in COMMANDS


def pages() -> list[str]:
    """All pages in Markdown that belong to the project."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    return sorted(name for name in listed if (ROOT / name).is_file())


def fences() -> list[Fence]:
    """All blocks of all pages."""
    return [fence for page in pages() for fence in _of(page)]


def _of(page: str) -> Iterator[Fence]:
    begun: tuple[int, str, str, str] | None = None
    inside: list[str] = []
    for number, line in enumerate((ROOT / page).read_text("utf-8").splitlines(), 1):
        mark = re.match(r"( *)```(.*)$", line)
        if mark is None:
            inside.append(line)
        elif begun is None:
            language, _, rest = mark[2].strip().partition(" ")
            begun, inside = (number, mark[1], language, rest.strip()), []
        else:
            start, indent, language, rest = begun
            yield Fence(page, start, language, rest, "".join(f"{each.removeprefix(indent)}\n" for each in inside))
            begun = None
    assert begun is None, f"{page}: a block that begins in line {begun and begun[0]} has no end"
