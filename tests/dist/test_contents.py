"""What the source distribution and the wheel hold: the whole source, and all that runs."""

from __future__ import annotations

import email
import re
import subprocess
import tarfile
import zipfile

import pytest

from server.version import VERSION
from tests.dist.conftest import Distributions
from tests.support.processes import ROOT

pytestmark = [pytest.mark.dist, pytest.mark.timeout(1800)]
LEFT_OUT = re.compile(r"model/tiny/(heldout|recipe)/")
"""How the bundled checkpoints are trained, which takes hours and other programs, and what they are tried with."""


def tracked() -> set[str]:
    """All files of the source."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    return {name for name in listed if (ROOT / name).is_file()}


def test_the_source_distribution_is_the_source(distributions: Distributions) -> None:
    with tarfile.open(distributions.sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive.getmembers() if member.isfile()}
    assert tracked() - names == {".gitignore"}
    made = {name for name in names - tracked() if ".egg-info/" not in name}
    assert made == {"PKG-INFO", "setup.cfg"}


def test_the_wheel_holds_all_that_runs(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as archive:
        names = set(archive.namelist())
    source = {name for name in tracked() if name.startswith(("model/", "server/", "vibevoice_asr/"))}
    assert {name for name in source - names if not LEFT_OUT.match(name)} == set()
    assert {name for name in names - source if ".dist-info/" not in name} == set()
    assert [name for name in names if LEFT_OUT.match(name)] == []


def test_what_an_index_shows(distributions: Distributions) -> None:
    with zipfile.ZipFile(distributions.wheel) as archive:
        (folder,) = {name.partition("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        metadata = email.message_from_bytes(archive.read(f"{folder}/METADATA"))
        scripts = archive.read(f"{folder}/entry_points.txt").decode()
    assert (metadata["Name"], metadata["Version"]) == ("vibevoice-asr-server", VERSION)
    assert "Speech in, *who said what when* out" in metadata.get_payload()
    licences = {name for name in tracked() if re.search(r"(^|/)(LICENSE|NOTICE)$|[.]LICENSE[.]txt$", name)}
    assert set(metadata.get_all("License-File", [])) == licences
    assert set(re.findall(r"^([\w-]+) = ", scripts, re.MULTILINE)) == {"vibevoice-asr", "vibevoice-asr-server"}
