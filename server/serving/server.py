"""The application under uvicorn: says when it is ready, serves until it is told to stop, and drains first.

On SIGTERM or SIGINT ``/ready`` turns 503, new work is refused, running requests finish until ``drain_seconds`` are
over, and what is left then hears an error. Live sessions run on as well; shortly before that time is over they let
their clients go on elsewhere, or say what they have heard, and close. A second signal means now. The exit status after
that is 0. On SIGHUP the key file is read again.

Where the model cannot be had, at the start or later, the process ends with status 1, and so it does where the address
or the folder of jobs cannot be used: whoever supervises it starts another one, perhaps on another machine. Wrong flags
end it with 2.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Sequence
from functools import partial
from types import FrameType
from typing import Any, cast

import uvicorn
from fastapi import FastAPI
from pydantic import ValidationError

from server.app import create_app
from server.engine.errors import EngineUnavailable
from server.http.descriptors import DECODER_DESCRIPTORS
from server.http.service import CANCEL_SECONDS, Service
from server.jobs.folder import UnusableFolder, check_folder
from server.logs import configure_logging
from server.resources import raise_descriptor_limit, spent_resource
from server.serving.heads import ConnectionLimits
from server.serving.http_server import HttpServer
from server.serving.websocket_server import WebSocketServer
from server.settings import MIB, Settings, faults_of
from server.tracing.environment import TracingError, exporter_of
from server.voices.errors import UnusableVoiceEncoder
from server.voices.opening import BUNDLED, open_voice_encoder

logger = logging.getLogger(__name__)

_KEEP_ALIVE_SECONDS = 75
"""Longer than the 60 s or less that balancers keep idle connections, so that none is closed under a request."""
_DESCRIPTORS = 64
"""That the process itself has open."""
_CONNECTION_DESCRIPTORS = 3
"""The connection itself, and a file for its body or what a live session needs."""
_FEWEST_CONNECTIONS = 12
_PING_SECONDS = 20.0
"""A WebSocket is pinged this often, so that no balancer takes a silent one for dead."""
_MAX_MESSAGE_BYTES = 21 * MIB
"""Larger messages close a WebSocket with 1009. The Realtime API's largest event, 15 MiB as base64, fits in."""


class DrainingServer(uvicorn.Server):
    """A uvicorn server that says when it is ready and lets running requests finish before it stops.

    Attributes:
        failed: the model cannot be had, which only another process or configuration can mend.
    """

    def __init__(self, app: FastAPI, settings: Settings) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                host=settings.host,
                port=settings.port,
                log_config=None,
                access_log=False,
                server_header=False,
                http=cast(type[HttpServer], partial(HttpServer, limits=self._limits(settings))),
                ws=WebSocketServer,
                ws_max_size=_MAX_MESSAGE_BYTES,
                ws_ping_interval=_PING_SECONDS,
                # A pong may stand behind audio that waits for the model, and must not be missed then. Who is gone is
                # noticed by sending nothing and by taking nothing.
                ws_ping_timeout=None,
                # Audio does not compress, and a few compressed bytes can stand for very many.
                ws_per_message_deflate=False,
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=CANCEL_SECONDS,
                lifespan="on",
                # Whom the environment's FORWARDED_ALLOW_IPS and uvicorn's default believe is not asked.
                proxy_headers=bool(settings.trusted_proxies),
                forwarded_allow_ips=list(settings.trusted_proxies),
            )
        )
        self.failed = False
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._announcement: asyncio.Task[None] | None = None

    def _limits(self, settings: Settings) -> ConnectionLimits:
        return ConnectionLimits(
            head_bytes=settings.max_header_bytes,
            head_seconds=settings.header_seconds,
            connections=most_connections(raise_descriptor_limit(), settings.decode_processes),
            refused=lambda code: self._service.metrics.refused(code),
        )

    @property
    def _service(self) -> Service:
        service: Service = self._app.state.service
        return service

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The first signal asks to stop, another one to stop now. uvicorn would die of the signal it got."""
        self.force_exit = self.should_exit
        self.should_exit = True
        if self.force_exit and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._service.hurry)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        except SystemExit:  # the log says why
            if self.lifespan.should_exit:
                raise
            place = f"{self.config.host}:{self.config.port}"
            sys.stderr.write(f"Nothing is served at {place}. If another program has the port, give another: --port.\n")
            raise
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(_without_traceback)
        self._announcement = asyncio.create_task(self._announce())

        if self._service.settings.api_keys_file and threading.current_thread() is threading.main_thread():
            self._loop.add_signal_handler(signal.SIGHUP, self._service.reload_keys)

    async def _announce(self) -> None:
        try:
            await self._service.wait_ready()
        except EngineUnavailable:
            self._give_up()
            return
        # Modules, schemas and the vocabulary stay. Looking through them for garbage takes a twentieth of a second.
        gc.collect()
        gc.freeze()
        info = self._service.engine.info
        assert info is not None
        address = self.servers[0].sockets[0].getsockname()
        host = f"[{address[0]}]" if ":" in address[0] else address[0]
        sys.stdout.write(
            f"vibevoice-asr-server is ready: http://{host}:{address[1]} "
            f"(model {info.checkpoint} on {info.device}, {info.dtype})\n"
        )
        capacity = self._service.engine.capacity
        assert capacity is not None
        sys.stdout.write(f"Room for {capacity.sentence(self._service.settings.max_audio_seconds)}.\n")
        sys.stdout.flush()
        await self._service.engine.wait_failed()
        if self._service.failed:
            self._give_up()

    def _give_up(self) -> None:
        self.failed = self.should_exit = True
        sys.stderr.write(f"The model cannot be started: {self._service.failure}\n")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if self._announcement is not None:
            self._announcement.cancel()
        if self.force_exit or self.failed:
            self._service.hurry()
        await self._service.drain()
        await super().shutdown(sockets)


def _guard_keys(arguments: Sequence[str]) -> None:
    """Warn of keys that everybody on this machine can see, and leave none for processes that are started from here."""
    if any(argument.partition("=")[0] == "--api-keys" for argument in arguments):
        logger.warning(
            "--api-keys shows the keys to every user of this machine: use --api-keys-file or the environment"
        )
    os.environ.pop("VIBEVOICE_API_KEYS", None)


def _check_voice_encoder(name: str) -> None:
    """Somebody's own is looked at before anything is started. Raises UnusableVoiceEncoder."""
    encoder = None if name in BUNDLED else open_voice_encoder(name)
    if encoder is not None:
        encoder.close()


def most_connections(descriptors: int, decoders: int) -> int:
    """How many connections a process that may open so many files can serve: each may need another file for its body."""
    spare = descriptors - _DESCRIPTORS - DECODER_DESCRIPTORS * decoders
    return max(_FEWEST_CONNECTIONS, spare // _CONNECTION_DESCRIPTORS)


def _without_traceback(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What the loop says of a machine that is short of something is no fault of the program."""
    error = context.get("exception")
    if error is not None and spent_resource(error) is not None:
        logger.warning("%s: %s", context["message"], error)
    else:
        loop.default_exception_handler(context)


def serve(arguments: Sequence[str] | None = None, prog: str = "vibevoice-asr-server") -> int:
    """Serve until stopped. ``arguments``: flags, by default those of this process. Returns the exit status.

    ``prog``: what help and errors call the command.
    """
    try:
        settings = Settings.from_cli(arguments, prog)
    except ValidationError as error:
        sys.stderr.write(
            "".join(f"{told}\n" for told in faults_of(error, sys.argv if arguments is None else arguments))
        )
        return 2
    try:
        exporter_of(os.environ)
    except TracingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    try:
        _check_voice_encoder(settings.voice_encoder)
    except UnusableVoiceEncoder as error:
        sys.stderr.write(f"--voice-encoder {error}\n")
        return 2
    try:
        if settings.jobs_folder is not None:
            check_folder(settings.jobs_folder)
    except UnusableFolder as error:
        sys.stderr.write(f"--jobs-folder {error}\n")
        return 1
    configure_logging(settings.log_level, settings.log_format)
    _guard_keys(sys.argv[1:] if arguments is None else arguments)
    server = DrainingServer(create_app(settings), settings)
    try:
        server.run()
    except SystemExit:  # uvicorn's way to say that nothing is served
        return 1
    return 1 if server.failed else 0
