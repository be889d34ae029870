"""Nothing phones home: a server that starts, answers a file, a stream and a session, and stops, calls nobody, asks for
no name, and writes nothing but in the temporary folder.

An audit hook sees what Python does in each of its processes, and strace, where it is installed, what libraries do.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from server.no_telemetry import VARIABLES
from tests.server.audio_in.audio_media import Format, media
from tests.support.processes import ROOT, START_DEADLINE, free_port, wait_until

HOOK = """
import os, sys
_log = os.open({log!r}, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
_CALLS = {{"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}}
_CHANGES = {{"os.mkdir", "os.rename", "os.link", "os.symlink"}}
def _hook(event, arguments):
    writing = event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    if event in _CALLS or event in _CHANGES or writing and isinstance(arguments[0], (str, bytes)):
        os.write(_log, (event + " " + repr(arguments) + chr(10)).encode())
sys.addaudithook(_hook)
"""
PATH = re.compile(r"'([^']*)'")


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of a server's whole life.

    ``calls``: of the system that went well, by strace; empty without it.
    """

    events: list[str]
    calls: list[str]
    temporary: Path
    home: Path


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Seen:
    folder = tmp_path_factory.mktemp("life")
    home, temporary, hooks = (folder / name for name in ("home", "tmp", "hooks"))
    for each in (home, temporary, hooks):
        each.mkdir()
    events, trace, port = folder / "events", folder / "trace", free_port()
    (hooks / "sitecustomize.py").write_text(HOOK.format(log=str(events)))
    # PyTorch notes its cache in the environment of whoever has compiled something, as other tests do.
    own = ("VIBEVOICE_", "HF_", "TORCHINDUCTOR_", "TRITON_")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    environment = {name: value for name, value in plain.items() if name not in VARIABLES} | {
        "HOME": str(home),
        "TMPDIR": str(temporary),
        "PYTHONPATH": str(hooks),
        "PYTHONDONTWRITEBYTECODE": "1",  # as the images have it
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-m", "server", "--model", "tiny", "--port", str(port)]
    if shutil.which("strace"):
        command = [
            "strace",
            "-f",
            "-qq",
            "--seccomp-bpf",
            "-s",
            "300",
            "-e",
            "trace=connect,sendto,sendmmsg",
            "-o",
            str(trace),
            *command,
        ]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    try:
        live(process, f"http://127.0.0.1:{port}")
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
    calls = (
        [line.split(None, 1)[1] for line in trace.read_text("utf-8", "replace").splitlines()] if trace.exists() else []
    )
    return Seen(events.read_text().splitlines(), [call for call in calls if " = -1 " not in call], temporary, home)


def live(process: subprocess.Popen[bytes], url: str) -> None:
    """Everything that makes the server load what it has."""

    def ready() -> bool:
        assert process.poll() is None
        try:
            return httpx.get(f"{url}/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False

    wait_until(ready, "the server is ready", START_DEADLINE)
    sound = (ROOT / "model/tiny/samples/short.flac").read_bytes()
    for fields in ({"response_format": "verbose_json"}, {"stream": "true"}):
        path = f"{url}/v1/audio/transcriptions"
        assert httpx.post(path, data=fields, files={"file": sound}, timeout=120).status_code == httpx.codes.OK
    with connect(f"{url.replace('http', 'ws')}/v1/listen", proxy=None) as session:
        session.send(media(Format("webm", "libopus"), 48_000))
        session.send('{"type": "CloseStream"}')
        assert [json.loads(message)["type"] for message in session][-1] == "Metadata"
    for path in ("/docs", "/openapi.json", "/metrics"):
        assert httpx.get(url + path).status_code == httpx.codes.OK


def test_no_name_is_asked_for_and_nobody_is_called(seen: Seen) -> None:
    calls = [event for event in seen.events if event.startswith("socket.")]
    assert [call for call in calls if "127.0.0.1" not in call] == []


def test_libraries_call_nobody_either(seen: Seen) -> None:
    if not seen.calls:
        pytest.skip("strace is not installed")
    assert any(call.startswith("sendto") for call in seen.calls)
    addressed = [call for call in seen.calls if "sa_family=AF_INET" in call]
    assert [call for call in addressed if not re.search(r'"127\.0\.0\.1"|"::1"', call)] == []


def test_nothing_is_written_but_in_the_temporary_folder(seen: Seen) -> None:
    assert list(seen.home.rglob("*")) == []
    changes = [event for event in seen.events if not event.startswith("socket.")]
    assert changes
    inside = (str(seen.temporary), "/dev/null", "/proc/self/")
    paths = [path for change in changes for path in PATH.findall(change)[: 1 if change.startswith("open") else None]]
    assert [path for path in paths if not path.startswith(inside)] == []


def test_no_file_stays_in_the_temporary_folder(seen: Seen) -> None:
    assert [path for path in seen.temporary.rglob("*") if path.is_file()] == []


def test_who_wants_to_be_counted_is() -> None:
    """What is set already stays."""
    name = "HF_HUB_DISABLE_TELEMETRY"
    ask = f"import server, os; print(os.environ[{name!r}], os.environ['ORT_DISABLE_TELEMETRY'])"
    told = subprocess.run(
        [sys.executable, "-c", ask], cwd=ROOT, env=os.environ | {name: "0"}, capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["0", "1"]


@pytest.mark.parametrize("name", ["Dockerfile", "Dockerfile.cpu"])
def test_images_say_so_for_whatever_runs_in_them(name: str) -> None:
    """A shell, a script, a debugger: not all that imports these libraries is the server."""
    image = (ROOT / "docker" / name).read_text()
    assert [variable for variable in VARIABLES if f"{variable}=" not in image] == []
