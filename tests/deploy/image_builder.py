"""Images built and run where no container engine is: debootstrap, buildah in a chroot, bubblewrap."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.processes import ROOT, free_port
from tests.support.tools import missing, tool

WORK = ROOT / ".cache" / "images"
BASE = "localhost/debian:bookworm"
"""Stands for the base of the recipes, which comes from a registry."""


class ImageBuilder:
    """Builds the recipes of ``docker/`` on a Debian of the machine's own mirror, with its own set-up of pip.

    Everything it makes is kept under ``.cache/images``; a second run builds on the same base.
    """

    def __init__(self) -> None:
        if os.geteuid():
            missing("images are built by root")
        self._debootstrap = tool("debootstrap", "debootstrap")
        self._buildah = tool("buildah", "buildah")
        WORK.mkdir(parents=True, exist_ok=True)

    def buildah(self, *arguments: str) -> str:
        """What it prints. Raises CalledProcessError; what went wrong is on stderr."""
        command = [self._buildah, "--root", str(WORK / "storage"), "--runroot", str(WORK / "run"), *arguments]
        environment = {"STORAGE_DRIVER": "overlay", "BUILDAH_ISOLATION": "chroot"} | os.environ
        done = subprocess.run(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
        return done.stdout.strip()

    def base(self) -> None:
        """The image to build on, unless it is there."""
        if "debian" in self.buildah("images", "--format", "{{.Name}}"):
            return
        context, mirror = (
            WORK / "base",
            subprocess.run(
                ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout.split()[0],
        )
        if not (context / "whole").exists():
            shutil.rmtree(context, ignore_errors=True)
            command = [self._debootstrap, "--variant=minbase", "--include=ca-certificates", "bookworm"]
            subprocess.run([*command, str(context / "rootfs"), mirror], check=True, stdout=sys.stderr)
            (context / "Dockerfile").write_text("FROM scratch\nCOPY rootfs /\n")
            (context / "whole").touch()
        self.buildah("bud", "--tag", BASE, "--file", str(context / "Dockerfile"), str(context))

    def build(self, recipe: str, tag: str) -> None:
        """One of the recipes, as ``docker build`` would.

        buildah 1.28 does not see that a stage whose name has an argument in it is needed, so that is filled in before.
        """
        given = WORK / recipe
        given.write_text((ROOT / "docker" / recipe).read_text().replace("flash-attn-${FLASH_ATTN}", "flash-attn-0"))
        shared = [option for place in self._pip() for option in ("--volume", f"{place}:{place}:ro")]
        index = os.environ.get("TORCH_INDEX_URL")
        self.buildah(
            *("bud", "--format", "docker", "--network", "host", "--build-arg", f"BASE={BASE}"),
            *(("--build-arg", f"TORCH_INDEX_URL={index}") if index else ()),
            *(("--build-arg", "TORCH=cpu") if recipe.endswith(".cpu") else ()),
            *("--volume", f"{WORK / 'pip.conf'}:/etc/pip.conf:ro", *shared),
            *("--tag", tag, "--file", str(given), str(ROOT)),
        )

    def _pip(self) -> list[Path]:
        """Write down how pip is set up here; the folders that it reads. A constraint is no part of it."""
        listed = subprocess.run(
            [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
        ).stdout
        given: dict[str, str] = dict(re.findall(r"^(?:global|:env:)\.([\w-]+)='(.*)'$", listed, re.MULTILINE))
        given.pop("constraint", None)
        lines = [f"{name} = {value}" for name, value in given.items()]
        (WORK / "pip.conf").write_text("\n".join(["[global]", *lines, ""]))
        words = [word for value in given.values() for word in value.split()]
        # The pages of an index on this machine lead to files beside them.
        places = [Path(word.removeprefix("file://")).parent if "file://" in word else Path(word) for word in words]
        return [place for place in places if place.is_absolute() and place.exists()]

    @contextmanager
    def mounted(self, tag: str) -> Iterator[Path]:
        """The root of a container of the image."""
        container = self.buildah("from", "--pull-never", tag)
        try:
            yield Path(self.buildah("mount", container))
        finally:
            self.buildah("rm", container)

    def configuration(self, tag: str) -> str:
        """User, signal and check, as Go prints them."""
        form = "{{.Docker.Config.User}} {{.Docker.Config.StopSignal}} {{.Docker.Config.Healthcheck}}"
        return self.buildah("inspect", "--type", "image", "--format", form, tag)


class Container:
    """A root file system under bubblewrap: read-only but for ``/tmp``, an unprivileged user, no capabilities.

    The network is the machine's, and the server listens on its loopback interface.
    """

    def __init__(self, root: Path, environment: Mapping[str, str], log: Path) -> None:
        self.url = f"http://127.0.0.1:{(port := free_port())}"
        self.log = log
        given = {**environment, "VIBEVOICE_HOST": "127.0.0.1", "VIBEVOICE_PORT": str(port)}
        self._command = [
            *(tool("bwrap", "bubblewrap"), "--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev"),
            *("--tmpfs", "/tmp", "--unshare-user", "--unshare-pid", "--uid", "10001", "--gid", "10001"),
            *("--cap-drop", "ALL", "--die-with-parent", "--chdir", "/app", "--clearenv"),
            *(part for name, value in given.items() for part in ("--setenv", name, value)),
        ]

    @contextmanager
    def run(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """The command, ended with the block."""
        with self.log.open("wb") as output:
            process = subprocess.Popen([*self._command, *command], stdout=output, stderr=subprocess.STDOUT)
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)

    def python(self, script: str) -> subprocess.CompletedProcess[Any]:
        """A script under the image's interpreter."""
        return subprocess.run([*self._command, "python", "-c", script], capture_output=True, text=True, check=False)
