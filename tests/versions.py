"""``python -m tests.versions``: the model's tests with other versions of Transformers and PyTorch than the pinned ones.

    python -m tests.versions --transformers 5.17.* newest --torch present [-- PYTEST ARGUMENTS]

Every pair gets an environment of its own under ``.venv-versions``. What it does not have itself (the tools for tests,
PyTorch where ``present`` is asked for) it takes from the environment that this runs in, so that a pair costs some
megabytes. Exit status 1 when the tests of a pair fail.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
ENVIRONMENTS = ROOT / ".venv-versions"
PRESENT, NEWEST = "present", "newest"
_SHOWN = ("torch", "transformers", "huggingface_hub", "tokenizers")


def main() -> int:
    """Test every pair and say how each went."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    kinds = f"a version, a prefix such as 5.17.*, {NEWEST!r} or {PRESENT!r}"
    parser.add_argument("--transformers", nargs="+", default=["5.17.*", PRESENT, NEWEST], help=kinds)
    parser.add_argument("--torch", nargs="+", default=[PRESENT], help=kinds)
    parser.add_argument("tests", nargs="*", default=["tests/model"], help="what pytest is given")
    options = parser.parse_args()
    failed = 0
    for torch in options.torch:
        for transformers in options.transformers:
            python = environment(torch, transformers)
            sys.stdout.write(f"== {installed(python)}\n")
            sys.stdout.flush()
            command = [str(python), "-m", "pytest", "-q", *options.tests]
            failed += subprocess.run(command, cwd=ROOT, check=False).returncode != 0
    return min(failed, 1)


def environment(torch: str, transformers: str) -> Path:
    """An environment with these two; returns its Python."""
    folder = ENVIRONMENTS / f"torch-{torch}-transformers-{transformers}".replace("*", "x")
    python = folder / "bin" / "python"
    if not python.exists():
        venv.create(folder, with_pip=True, symlinks=True)
        # Paths of a .pth file come behind the environment's own packages.
        here, theirs = sysconfig.get_path("purelib"), sysconfig.get_path("purelib", vars={"base": str(folder)})
        (Path(theirs) / "beside.pth").write_text(f"{here}\n", encoding="utf-8")
    wanted = [*requirement("torch", torch), *requirement("transformers", transformers)]
    if wanted:
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", *wanted]
        subprocess.run(install, check=True)
    return python


def requirement(package: str, version: str) -> Sequence[str]:
    """What pip is asked for."""
    if version == PRESENT:
        return []
    return [package] if version == NEWEST else [f"{package}=={version}"]


def installed(python: Path) -> str:
    """Names and versions that are really there."""
    script = f"import importlib.metadata as m; print(*(f'{{n}} {{m.version(n)}}' for n in {_SHOWN!r}), sep=', ')"
    return subprocess.run([python, "-c", script], check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
