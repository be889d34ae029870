"""The images, built from their recipes and run as the deployments run them: minutes, and gigabytes for CUDA's.

``make test-images`` runs these and prints what they measure; otherwise they are left out.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from openai import OpenAI

from tests.deploy.image_builder import Container, ImageBuilder
from tests.deploy.test_images import environment, owned_by_the_server
from tests.support.processes import wait_until
from tests.support.samples import SHORT, truth

pytestmark = [pytest.mark.images, pytest.mark.timeout(3600)]
LARGEST = {"Dockerfile.cpu": 1600, "Dockerfile": 6600}
"""MB, unpacked: a tenth more than they are."""


def measured(line: str) -> None:
    """Tell whoever lets pytest capture nothing."""
    sys.stdout.write(f"\n{line}\n")


@pytest.fixture(scope="module")
def builder() -> ImageBuilder:
    builder = ImageBuilder()
    builder.base()
    return builder


@pytest.fixture(scope="module", params=list(LARGEST))
def recipe(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def tag(recipe: str, builder: ImageBuilder) -> str:
    tag = f"localhost/{recipe.lower()}:test"
    began = time.monotonic()
    builder.build(recipe, tag)
    measured(f"{recipe}: built in {time.monotonic() - began:.0f} s")
    return tag


@pytest.fixture(scope="module")
def root(tag: str, builder: ImageBuilder) -> Iterator[Path]:
    with builder.mounted(tag) as root:
        yield root


@pytest.fixture
def container(recipe: str, root: Path, tmp_path: Path) -> Container:
    image = environment(recipe)
    image["PATH"] = image["PATH"].replace("$PATH", "/usr/bin:/bin")
    return Container(root, image, tmp_path / "server.log")


def test_image_is_small_and_holds_no_installer(recipe: str, root: Path) -> None:
    files = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    size = sum(path.stat().st_size for path in files) / 1e6
    torch = sum(path.stat().st_size for path in files if "/torch/" in str(path) or "/nvidia/" in str(path)) / 1e6
    measured(f"{recipe}: {size:.0f} MB, of which PyTorch and CUDA {torch:.0f} MB")
    assert size < LARGEST[recipe]
    names = {path.name for path in root.rglob("*")}
    assert not names & {"pip", "ensurepip", "easy_install", "conda"}


def test_image_says_what_is_in_it(root: Path) -> None:
    bill = json.loads((root / "app" / "sbom.cdx.json").read_text())
    assert bill["bomFormat"] == "CycloneDX"
    named = {component["name"].lower().replace("_", "-") for component in bill["components"]}
    # What setuptools carries inside itself is a part of it.
    folders = (root / "app/.venv/lib/python3.11/site-packages").glob("*.dist-info")
    installed = {path.name.partition("-")[0].lower().replace("_", "-") for path in folders}
    assert installed <= named | {"vibevoice-asr-server"}
    assert {"libc6", "libpython3.11-minimal"} <= named
    assert "python3-venv" not in named


def test_image_is_set_up_for_an_orchestrator(tag: str, builder: ImageBuilder) -> None:
    configuration = builder.configuration(tag)
    assert "10001:10001" in configuration
    assert "SIGTERM" in configuration
    assert "/health" in configuration


def test_what_volumes_are_mounted_on_belongs_to_the_server(recipe: str, root: Path) -> None:
    places = [(root / folder.lstrip("/")).stat() for folder in owned_by_the_server(recipe)]
    assert {(place.st_uid, place.st_gid, place.st_mode & 0o777) for place in places} == {(10001, 10001, 0o700)}


def test_container_may_write_to_tmp_alone(container: Container) -> None:
    script = """
import os, pathlib
assert os.getuid() == 10001
for place in ("/", "/app", "/var/tmp", "/app/.venv/bin"):
    try:
        pathlib.Path(place, "mark").touch()
    except OSError:
        continue
    raise SystemExit(f"{place} can be written")
pathlib.Path("/tmp/mark").touch()
"""
    done = container.python(script)
    assert done.returncode == 0, done.stderr


def test_container_serves_a_transcription(recipe: str, container: Container) -> None:
    began = time.monotonic()
    with container.run("vibevoice-asr-server") as process:

        def ready() -> bool:
            assert process.poll() is None, container.log.read_text()
            try:
                return httpx.get(f"{container.url}/ready").status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        wait_until(ready, "the container is ready", 600)
        measured(f"{recipe}: ready after {time.monotonic() - began:.0f} s")
        with OpenAI(base_url=f"{container.url}/v1", api_key="-") as client:
            heard = client.audio.transcriptions.create(file=SHORT, model="vibevoice-asr").text
    said = " ".join(turn["Content"] for turn in truth(SHORT))
    assert heard.lower().split()[:3] == said.lower().split()[:3]
    assert "Traceback" not in container.log.read_text()
