"""One call of ``live``, from the first sound to the transcript."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from server.commandline.client.connection import Connection
from server.commandline.faults import Fault, Status, UsageFault
from server.commandline.live import sources
from server.commandline.live.captions import Captions, LineCaptions, ObsFile, TerminalCaptions
from server.commandline.live.script import Script
from server.commandline.live.session import LiveSession
from server.commandline.transcribe.inputs import STDIN, Input
from server.commandline.transcribe.places import Places, check_writable, show, text_of, write
from server.protocols.openai.diarization_request import recording_name
from server.protocols.openai.rendering import rendered_as
from server.protocols.openai.response_format import AnyFormat
from server.protocols.openai.transcription_request import TranscriptionParameters


@dataclass(frozen=True, slots=True, kw_only=True)
class Captioning:
    """What was asked for; see the command's options."""

    source: str | None
    microphone: str | None
    rate: int
    server: str
    key: str | None
    context: str | None
    hotwords: Sequence[str]
    obs: Path | None
    formats: Sequence[AnyFormat]
    output: str | None
    wait: float
    quiet: bool


async def caption(asked: Captioning) -> Status:
    """Until the source ends, or Ctrl+C. Raises Fault."""
    connection = Connection.to(asked.server, asked.key)
    source = _source(asked)
    input_ = Input(source.name, Path(source.name), Path(source.name), piped=True)
    places = Places.of(asked.output, [input_], asked.formats) if asked.formats else Places(None)
    files = [places.file(input_, form) for form in asked.formats]
    check_writable(file for file in files if file is not None)
    captions, script = _captions(asked, places), Script()
    obs = None if asked.obs is None else ObsFile(asked.obs, captions.say)

    def changed() -> None:
        captions.show(script)
        if obs is not None:
            obs.show(script)

    session = LiveSession(
        connection,
        source.rate,
        script,
        context=asked.context,
        keywords=asked.hotwords,
        patience=asked.wait,
        say=captions.say,
        changed=changed,
    )
    ended = False
    try:
        await _heard(session, source)
        ended = True
    finally:
        captions.close()
        if ended or script.closed:  # else an earlier transcript stays, where nothing came of this one
            _deliver(asked, script, session.seconds, input_, places)
    return Status.DONE


def _source(asked: Captioning) -> sources.Source:
    if asked.source is not None and asked.microphone is not None:
        raise UsageFault("--microphone is for live without a file.")
    if asked.source is None:
        return sources.microphone(asked.microphone)
    if asked.source == STDIN:
        return sources.piped(asked.rate)
    return sources.spoken(Path(asked.source).expanduser())


def _captions(asked: Captioning, places: Places) -> Captions:
    """Two lines for people; for pipes a line a segment, unless the transcript is to be printed there at the end."""
    printed_at_end = bool(asked.formats) and places.template is None
    if sys.stdout.isatty() and os.environ.get("TERM") != "dumb":
        return TerminalCaptions()
    return LineCaptions(silent=printed_at_end, quiet=asked.quiet)


async def _heard(session: LiveSession, source: sources.Source) -> None:
    """All of the source, or as much of it as there is until Ctrl+C; a second one cancels."""
    running = asyncio.create_task(session.run())
    feeding = asyncio.create_task(_fed(session, source))
    me = asyncio.current_task()

    def interrupted() -> None:
        if feeding.done():
            if me is not None:
                me.cancel()
        else:
            feeding.cancel()

    loop = asyncio.get_running_loop()
    with suppress(NotImplementedError):  # Windows has no such handlers
        loop.add_signal_handler(signal.SIGINT, interrupted)
    try:
        await asyncio.wait({running, feeding}, return_when=asyncio.FIRST_COMPLETED)
        if feeding.done() and not feeding.cancelled():
            feeding.result()
        session.finish()
        await running
    finally:
        for task in (running, feeding):
            task.cancel()
        await asyncio.gather(running, feeding, return_exceptions=True)
        with suppress(NotImplementedError):
            loop.remove_signal_handler(signal.SIGINT)


async def _fed(session: LiveSession, source: sources.Source) -> None:
    async for piece in source.pieces:
        await session.send(piece)


def _deliver(asked: Captioning, script: Script, seconds: float, source: Input, places: Places) -> None:
    """The transcript, also of what was said before something went wrong. Raises Fault where a file cannot be written:
    what should stand in it is printed.
    """
    failed: Fault | None = None
    for form in asked.formats:
        transcript = script.transcript(seconds)
        text = text_of(rendered_as(form, transcript, TranscriptionParameters(), recording_name(source.name)))
        if (file := places.file(source, form)) is None:
            show(text)
            continue
        try:
            write(file, text)
        except Fault as fault:
            failed = fault
            show(text)
    if failed is not None:
        raise failed
