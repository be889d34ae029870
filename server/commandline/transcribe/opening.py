"""Where recordings are heard: by a server, or by the model in this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from server.commandline.client.connection import Connection
from server.commandline.faults import UsageFault
from server.commandline.transcribe.display import Display
from server.commandline.transcribe.hearing import Hearing


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What was asked for; see the commands' options.

    Attributes:
        server, key: its address, None for this process; and what opens it.
        here: the model, device and weights in this process, by the names of their settings.
        parallel: recordings at once.
        wait: seconds that a busy server is waited for.
        background: each recording is a job of the server.
    """

    server: str | None
    key: str | None
    here: Mapping[str, str | None]
    parallel: int
    wait: float
    background: bool = False
    verbose: bool = False

    def __post_init__(self) -> None:
        """Raises UsageFault where it makes no sense."""
        given = next((name for name, value in self.here.items() if value is not None), None)
        if self.server is not None and given is not None:
            raise UsageFault(f"--{given} is for transcribing in this process: the server has its own.")


@asynccontextmanager
async def opened(place: Place, display: Display) -> AsyncIterator[Hearing]:
    """A server that is ready, or the model loaded. Raises Fault."""
    if place.server is None:
        from server.commandline.models.about import is_here
        from server.commandline.settings import settings_of
        from server.commandline.transcribe.in_process import open_here

        settings = settings_of({**place.here, "log_level": "info" if place.verbose else "warning"})
        if not is_here(settings):
            display.say(f"{settings.model} is not on this machine, and is fetched now. (--server URL asks a server.)")
        loading = display.begin(f"model {settings.model}")
        loading.waiting("loading")
        async with open_here(settings) as here:
            display.end(loading, "")
            yield here
        return
    from server.commandline.transcribe.through_server import ThroughServer

    connection = Connection.to(place.server, place.key)
    async with connection.async_client(place.parallel) as client:
        through = ThroughServer(connection, client, patience=place.wait, background=place.background)
        await through.wait_ready(display.say)
        yield through
