"""A sound server of its own, as desktops have one: loudspeakers, and a microphone in a room where somebody talks."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.browser.others.visitor import PATIENCE
from tests.support.processes import wait_until
from tests.support.tools import tool

_MODULES = (
    "module-null-sink sink_name=speakers",
    "module-null-sink sink_name=room",
    "module-remap-source source_name=microphone master=room.monitor",
    "module-native-protocol-unix auth-anonymous=1 socket={socket}",
)
"""What browsers play goes to the first sink, so the microphone, the only one that is no monitor, does not hear it."""


class Room:
    """``environment``: with which a program finds its microphone."""

    def __init__(self, socket: Path, paplay: str) -> None:
        self.environment = {"PULSE_SERVER": f"unix:{socket}"}
        self._paplay = paplay

    def hears(self, recording: Path) -> None:
        """All of a recording, aloud and at the speed at which it was spoken."""
        command = [self._paplay, "--device=room", str(recording)]
        subprocess.run(command, env=os.environ | self.environment, check=True, timeout=PATIENCE)


@contextmanager
def room(folder: Path) -> Iterator[Room]:
    """``folder``: an empty one, with a short name, for sockets have no long ones."""
    pulseaudio, paplay = tool("pulseaudio", "pulseaudio"), tool("paplay", "pulseaudio-utils")
    socket = folder / "native"
    modules = [f"--load={module.format(socket=socket)}" for module in _MODULES]
    alone = ["-n", "--daemonize=no", "--use-pid-file=no", "--disable-shm=yes", "--exit-idle-time=-1"]
    at_home = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen([pulseaudio, *alone, *modules], env=os.environ | at_home, stderr=log) as process,
    ):
        try:
            wait_until(lambda: process.poll() is not None or socket.exists(), "the sound server is there", PATIENCE)
            assert process.poll() is None, (folder / "log").read_text()
            yield Room(socket, paplay)
        finally:
            process.terminate()
