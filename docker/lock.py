"""Write ``docker/requirements``: what the images install, with the digests that ``pip --require-hashes`` checks.

``make requirements`` runs it. The versions are those of ``constraints.txt``; what is not in there (CUDA's libraries,
the tools of the build) gets the newest that fits, and its pin here. No file names an index: a mirror is as good, since
the digests tell whether it has the right files.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable
from pathlib import Path

DOCKER = Path(__file__).resolve().parent
ROOT = DOCKER.parent
PYTHON = "3.11"
"""Of Debian 12, on which the images stand, and of CI."""
PLATFORM = "manylinux_2_28"
BUILD = ("cyclonedx-bom>=7.5,<8", "setuptools>=77")
"""What the build needs and the image does not."""
FLASH_ATTN = ("flash-attn>=2.8,<3", "einops", "ninja", "psutil", "wheel")
CUDA = re.compile(r"torch|triton|cuda-.*|nvidia-.*")
"""PyTorch for a GPU: its wheel, and libraries that nothing else asks for."""

Lock = dict[str, str]
"""The lines of each package by its name."""


def run(*command: str, text: str = "") -> str:
    """What a command prints. Raises CalledProcessError."""
    return subprocess.run(command, cwd=ROOT, input=text, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603


def compiled(requirements: Iterable[str], *options: str) -> Lock:
    """All that is to be installed so that these run."""
    printed = run(
        *("uv", "pip", "compile", "-", "--constraint", "constraints.txt", "--generate-hashes"),
        *("--python-version", PYTHON, "--python-platform", f"x86_64-{PLATFORM}"),
        *("--no-header", "--no-annotate", "--no-emit-index-url", *options),
        text="\n".join(requirements),
    )
    return {found[1]: found[0] for found in re.finditer(r"^(\S+)==.*\n(?: +--hash=.*\n)+", printed, re.MULTILINE)}


def torch_for_cpus(version: str, index: str | None) -> Lock:
    """PyTorch without CUDA, which is not in the index that the rest comes from."""
    requirement = f"torch=={version}+cpu"
    with tempfile.TemporaryDirectory() as folder:
        run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", folder),
            *("--python-version", PYTHON, "--platform", f"{PLATFORM}_x86_64"),
            *(("--index-url", index) if index else ()),
            requirement,
        )
        (wheel,) = Path(folder).iterdir()
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return {"torch": f"{requirement} \\\n    --hash=sha256:{digest}\n"}


def write(name: str, lock: Lock) -> None:
    """One file of them."""
    text = "# By `make requirements`; nothing is written by hand.\n" + "".join(lock.values())
    (DOCKER / "requirements" / name).write_text(text, encoding="utf-8")


def main() -> None:
    """All files."""
    parser = argparse.ArgumentParser(description="Pin what the images install.")
    parser.add_argument("--torch-index", help="PyTorch's index of CPU wheels, unless pip is set up to find them")
    index = parser.parse_args().torch_index
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    (version,) = re.findall(r"^torch==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), flags=re.MULTILINE)

    served = compiled(project["dependencies"])
    quantised = compiled([*project["dependencies"], *project["optional-dependencies"]["quantised"]])
    write("torch-cpu.txt", torch_for_cpus(version, index))
    write("torch-cuda.txt", {name: lines for name, lines in served.items() if CUDA.fullmatch(name)})
    write("server.txt", {name: lines for name, lines in served.items() if not CUDA.fullmatch(name)})
    write("quantised.txt", {name: lines for name, lines in quantised.items() if name not in served})
    ray = compiled([*project["dependencies"], *project["optional-dependencies"]["ray"]])
    write("ray.txt", {name: lines for name, lines in ray.items() if name not in served})
    write("build.txt", compiled(BUILD))
    # Its requirements can only be asked for where CUDA's compiler is.
    flash = compiled(FLASH_ATTN, "--no-deps")
    write("flash-attn.txt", {name: flash.pop(name) for name in ("flash-attn", "einops")})
    write("flash-attn-build.txt", flash)


if __name__ == "__main__":
    main()
