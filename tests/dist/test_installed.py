"""The wheel, installed by pip, uv and pipx: what somebody has who has no clone."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from server.version import VERSION
from tests.dist.conftest import Distributions, run, serving
from tests.support.processes import free_port
from tests.support.samples import SHORT, TWO_SPEAKERS, truth
from tests.support.tools import tool

pytestmark = [pytest.mark.dist, pytest.mark.timeout(1800)]
SAID = " ".join(turn["Content"] for turn in truth(SHORT))
FIVE_LINES = """
import sys
from vibevoice_asr import Transcriber

with Transcriber("tiny", device="cpu") as model:
    print(model.transcribe(sys.argv[1]).text)
"""


def test_the_environment_is_whole(by_pip: Path, tmp_path: Path) -> None:
    assert "No broken requirements" in run(by_pip / "python", "-m", "pip", "check", cwd=tmp_path)
    place = "import server, vibevoice_asr; print(server.__file__, vibevoice_asr.__file__)"
    assert run(by_pip / "python", "-c", place, cwd=tmp_path).count(f"{by_pip.parent}/") == 2


def test_five_lines_of_python(by_pip: Path, tmp_path: Path) -> None:
    (tmp_path / "five.py").write_text(FIVE_LINES)
    assert run(by_pip / "python", "five.py", SHORT, cwd=tmp_path) == f"{SAID}\n"


def test_both_commands(by_pip: Path, tmp_path: Path) -> None:
    for name in ("vibevoice-asr", "vibevoice-asr-server"):
        assert VERSION in run(by_pip / name, "--version", cwd=tmp_path)
    assert run(by_pip / "vibevoice-asr", "transcribe", SHORT, "--model", "tiny", cwd=tmp_path) == f"{SAID}\n"
    assert "ok    checkpoint" in run(by_pip / "vibevoice-asr", "doctor", "--model", "tiny", cwd=tmp_path)


def test_the_streaming_checkpoint_can_be_put_together(by_pip: Path, tmp_path: Path) -> None:
    run(by_pip / "python", "-m", "model.tiny.streaming.make", "twin", cwd=tmp_path)
    assert "VibeVoice-ASR-Streaming" in run(
        by_pip / "vibevoice-asr", "models", "show", "./twin", "--json", cwd=tmp_path
    )


def jailed(commands: Path, home: Path, port: int) -> list[str]:
    """A server with a file system that it cannot write to, but for ``home`` and ``/tmp``."""
    jail = (tool("bwrap", "bubblewrap"), "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
    writable = ("--tmpfs", "/var/tmp", "--bind", home, home, "--die-with-parent")
    server = (commands / "vibevoice-asr-server", "--model", "tiny", "--port", port)
    return [str(part) for part in (*jail, *writable, *server)]


def test_it_serves_recordings_and_the_page_from_a_read_only_file_system(by_pip: Path, tmp_path: Path) -> None:
    port = free_port()
    started = serving(jailed(by_pip, tmp_path, port), port, tmp_path, TMPDIR=str(tmp_path))
    with started as url, httpx.Client(base_url=url, timeout=120) as client:
        assert client.get("/health").json()["version"] == VERSION
        page = client.get("/")
        assert "web/js/" in page.text
        for name in ("web/lang/de/page.json", "web/samples/short.flac", "docs", "openapi.json"):
            assert client.get(f"/{name}").status_code == httpx.codes.OK, name
        with TWO_SPEAKERS.open("rb") as recording:
            fields = {"response_format": "diarized_json"}
            answer = client.post("/v1/audio/transcriptions", files={"file": recording}, data=fields).json()
        assert {segment["speaker"] for segment in answer["segments"]} == {"A", "B"}


def test_uv_tool_install(distributions: Distributions, tmp_path: Path) -> None:
    uv = tool("uv", "uv")
    places = {name: str(tmp_path / name.lower()) for name in ("UV_TOOL_DIR", "UV_TOOL_BIN_DIR", "UV_CACHE_DIR")}
    offline = ("--no-index", "--find-links", distributions.house)
    run(uv, "tool", "install", "--quiet", *offline, distributions.wheel, cwd=tmp_path, **places)
    command = Path(places["UV_TOOL_BIN_DIR"]) / "vibevoice-asr"
    assert run(command, "transcribe", SHORT, "--model", "tiny", cwd=tmp_path) == f"{SAID}\n"


def test_pipx_install(distributions: Distributions, tmp_path: Path) -> None:
    pipx = tool("pipx", "pipx")
    places = {"PIPX_HOME": str(tmp_path / "pipx"), "PIPX_BIN_DIR": str(tmp_path / "bin")}
    offline = f"--no-index --find-links {distributions.house}"
    run(pipx, "install", "--pip-args", offline, distributions.wheel, cwd=tmp_path, **places)
    command = tmp_path / "bin" / "vibevoice-asr"
    assert run(command, "transcribe", SHORT, "--model", "tiny", cwd=tmp_path) == f"{SAID}\n"
