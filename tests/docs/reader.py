"""Somebody who copies a block out of a page into a terminal, in a clone of the project with some recordings in it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import soundfile  # type: ignore[import-untyped]

from tests.docs.fences import Fence
from tests.support.processes import ROOT
from tests.support.samples import TWO_SPEAKERS
from tests.support.tools import missing, tool

ADDRESS = re.compile(r"\b(?:127\.0\.0\.1|localhost|host):8000\b")
"""Where the pages say that the server is."""
DEADLINE = 180.0
"""Seconds for one block, on a busy machine."""
_CURL = "fail-with-body\nsilent\nshow-error\nmax-time = 120\n"


class Reader:
    """Runs blocks in ``home``, one by one; what one wrote, the next one finds.

    Args:
        port: of the server, wherever the block says that it is.
        home: an empty folder.
        python: for blocks in Python, and the command of this name.
    """

    def __init__(self, port: int, home: Path, python: str = sys.executable) -> None:
        self._port = port
        self._home = home
        self._python = python
        self._furnish()

    def run(self, fence: Fence) -> str:
        """What the block prints. It has to end well, and each request in it too."""
        text = ADDRESS.sub(f"127.0.0.1:{self._port}", fence.text)
        done = subprocess.run(
            self._command(fence, text),
            cwd=self._home,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, f"{fence}\n{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def _command(self, fence: Fence, text: str) -> list[str]:
        if fence.language == "python":
            (self._home / "block.py").write_text(text)
            return [self._python, "-W", "ignore", "block.py"]
        if fence.language == "js":
            (self._home / "block.mjs").write_text(text)
            return [tool("node", "nodejs 20 or newer"), "block.mjs"]
        for name, package in (("jq", "jq"), ("ffmpeg", "ffmpeg"), ("curl", "curl")):
            if re.search(rf"(^|[|(]\s*){name}\b", text, re.MULTILINE):
                tool(name, package)
        return ["bash", "-euo", "pipefail", "-c", text]

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TMPDIR") if name in os.environ}
        here = [str(self._home / "bin"), str(Path(self._python).parent), os.environ.get("PATH", os.defpath)]
        return kept | {
            "PATH": os.pathsep.join(here),
            "HOME": str(self._home),
            "CURL_HOME": str(self._home),
            "PYTHONPATH": str(ROOT),
            "HF_HUB_OFFLINE": "1",
            "NO_COLOR": "1",
        }

    def _furnish(self) -> None:
        for entry in ROOT.iterdir():
            if not entry.name.startswith(".") and entry.name not in ("build", "dist"):
                (self._home / entry.name).symlink_to(entry)
        (self._home / ".venv").symlink_to(Path(sys.executable).parent.parent)
        (self._home / "node_modules").symlink_to(ROOT / "tests/conformance/node_modules")
        (self._home / ".curlrc").write_text(_CURL)
        (self._home / "keys.txt").write_text("sk-of-a-test\n")
        self._record()
        scripts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["scripts"]
        (self._home / "bin").mkdir()
        for name, place in scripts.items():
            module, function = place.split(":")
            script = self._home / "bin" / name
            lines = (
                f"#!{sys.executable}",
                "import sys",
                f"from {module} import {function}",
                "if __name__ == '__main__':  # or a process that is spawned would run it again",
                f"    sys.exit({function}())",
                "",
            )
            script.write_text("\n".join(lines))
            script.chmod(0o755)

    def _record(self) -> None:
        """The recordings that pages speak of. What a file is called, the server does not look at."""
        for name in ("meeting.m4a", "meeting.mp3", "meeting.flac", "monday.flac", "tuesday.flac"):
            shutil.copyfile(TWO_SPEAKERS, self._home / name)
        samples, rate = soundfile.read(TWO_SPEAKERS, dtype="int16")
        soundfile.write(self._home / "meeting.wav", samples, rate)
        soundfile.write(self._home / "call.wav", samples.repeat(2).reshape(-1, 2), rate)


def node_modules() -> None:
    """Skip where OpenAI's package for Node is not installed."""
    if not (ROOT / "tests/conformance/node_modules/openai").is_dir():
        missing("the Node client is not installed (npm ci --prefix tests/conformance)")
