"""``vibevoice-asr live``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.commandline import options

_RATE = 16_000


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command("live")(_live)


def _live(
    source: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="A recording, as if it were spoken now; - for raw samples by a pipe."),
    ] = None,
    server: options.Server = None,
    api_key: options.Key = None,
    microphone: Annotated[
        str | None, typer.Option("--microphone", metavar="NAME", help="Number or name; by default the system's.")
    ] = None,
    rate: Annotated[
        int, typer.Option("--rate", metavar="HZ", help="Of raw samples: mono, 16 bit, little endian.")
    ] = _RATE,
    hotwords: options.Hotwords = None,
    context: options.Context = None,
    obs: Annotated[
        Path | None, typer.Option("--obs", metavar="FILE", help="Text file that has the last two lines, for OBS.")
    ] = None,
    formats: Annotated[
        list[str] | None,
        typer.Option("--format", "-f", "--output-format", metavar="FORMATS", help="Of the transcript at the end."),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", "--output-dir", metavar="WHERE", help="Of that transcript; see transcribe."),
    ] = None,
    wait: options.Wait = options.WAIT_SECONDS,
    quiet: options.Quiet = False,
) -> None:
    """Show captions while somebody speaks.

    Of a microphone, of a recording, or of raw samples by a pipe. Ctrl+C ends it when the last words are there, a second
    one at once. A lost connection costs no word.
    """
    from server.commandline.live.run import Captioning, caption
    from server.commandline.running import run_until_done
    from server.commandline.transcribe.places import format_of_file, formats_of

    named = format_of_file(output) if output else None
    wanted = formats_of(formats or ([named.value] if named else ["text"] if output else []))
    asked = Captioning(
        source=source,
        microphone=microphone,
        rate=rate,
        server=server or options.DEFAULT_SERVER,
        key=api_key,
        context=context,
        hotwords=[word.strip() for words in hotwords or () for word in words.split(",") if word.strip()],
        obs=obs,
        formats=wanted,
        output=output,
        wait=wait,
        quiet=quiet,
    )
    raise typer.Exit(run_until_done(caption(asked)))
