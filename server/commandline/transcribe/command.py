"""``vibevoice-asr transcribe``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import typer

from server.commandline import options
from server.commandline.faults import UsageFault
from server.commandline.transcribe.wishes import WishFlags
from server.protocols.openai.response_format import AnyFormat, ResponseFormat, all_formats

_FORMATS = ", ".join(form.value for form in all_formats())
_OUTPUT = (
    "Folder, file, or template with {folder}, {stem}, {name}, {ext}, {format}; - is the standard output. By default "
    "one result is printed, and several are written into the working folder."
)


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command("transcribe")(_transcribe)


def _transcribe(
    recordings: Annotated[
        list[str], typer.Argument(metavar="FILE...", help="Files, folders, or - for the standard input.")
    ],
    server: options.Server = None,
    api_key: options.Key = None,
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format",
            "-f",
            "--output-format",
            metavar="FORMATS",
            help=f"{_FORMATS}, or all. Repeatable, or with commas.",
        ),
    ] = None,
    output: Annotated[str | None, typer.Option("--output", "-o", "--output-dir", metavar="WHERE", help=_OUTPUT)] = None,
    hotwords: options.Hotwords = None,
    context: options.Context = None,
    instruction: Annotated[
        str | None,
        typer.Option(
            "--instruction",
            metavar="TEXT",
            help="What to ask instead of having it transcribed. The answer is text; not with srt, vtt, lrc and rttm.",
        ),
    ] = None,
    speaker: Annotated[
        list[str] | None,
        typer.Option(
            "--speaker",
            metavar="NAME=CLIP",
            help="Somebody whose voice is known, by 2 to 10 seconds of it. Repeatable.",
        ),
    ] = None,
    speakers: Annotated[
        bool | None,
        typer.Option("--speakers/--no-speakers", help="Say who speaks in srt, vtt and lrc.", show_default=False),
    ] = None,
    channels: Annotated[
        str | None, typer.Option("--channels", metavar="mix|split", help="split: each channel for itself.")
    ] = None,
    language: Annotated[
        str | None,
        typer.Option("--language", metavar="TAG", help="Stands in verbose_json; the model finds out itself."),
    ] = None,
    temperature: Annotated[
        float | None, typer.Option("--temperature", metavar="0..1", help="0 takes the likeliest words.")
    ] = None,
    word_timestamps: Annotated[bool, typer.Option("--word-timestamps", help="Words too, in verbose_json.")] = False,
    audio_events: Annotated[
        bool | None,
        typer.Option("--audio-events/--no-audio-events", help="Tell of sounds such as [Music].", show_default=False),
    ] = None,
    max_line_width: Annotated[
        int | None, typer.Option("--max-line-width", help="Columns of a subtitle's line.")
    ] = None,
    max_line_count: Annotated[int | None, typer.Option("--max-line-count", help="Lines of a subtitle.")] = None,
    one_pass: Annotated[
        bool, typer.Option("--one-pass", help="Hear a long recording at once, where the model's context holds it.")
    ] = False,
    model: options.Model = None,
    device: options.Device = None,
    weights: options.Weights = None,
    background: Annotated[
        bool, typer.Option("--background", help="As jobs of the server, which outlive this command and its restarts.")
    ] = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Make jobs, print their ids and leave; see vibevoice-asr jobs.")
    ] = False,
    parallel: Annotated[int, typer.Option("--parallel", "-p", min=1, help="Recordings at once.")] = 4,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Also do what was done before.")] = False,
    wait: options.Wait = options.WAIT_SECONDS,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show bars in a terminal.")] = True,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Transcribe recordings, through a server or in this process.

    With --server (or VIBEVOICE_SERVER) a server does it; without, the model is loaded into this process. A folder is
    searched for recordings. What was done before with the same options is skipped. The status is 1 where any of them
    failed, 2 for arguments that make no sense, 130 after Ctrl+C.
    """
    from server.commandline.running import run_until_done
    from server.commandline.transcribe.opening import Place

    background = background or detach
    if server is None and background:
        raise UsageFault("Jobs need a server: give its address by --server or VIBEVOICE_SERVER.")
    if detach and (formats or output):
        raise UsageFault(
            "--detach leaves before there is anything to write: vibevoice-asr jobs result takes -f and -o."
        )
    place = Place(
        server=server,
        key=api_key,
        here={"model": model, "device": device, "weights": weights},
        parallel=parallel,
        wait=wait,
        background=background,
        verbose=verbose,
    )
    flags = WishFlags(
        hotwords=hotwords or (),
        context=context,
        instruction=instruction,
        language=language,
        speakers=speaker or (),
        temperature=temperature,
        channels=channels,
        word_timestamps=word_timestamps,
        speaker_labels=speakers,
        audio_events=audio_events,
        max_line_width=max_line_width,
        max_line_count=max_line_count,
        one_pass=one_pass,
    )
    from server.commandline.transcribe.session import Plan, transcribe

    plan = Plan(
        recordings=recordings,
        place=place,
        formats=_formats(formats or (), output),
        output=output,
        flags=flags,
        detach=detach,
        overwrite=overwrite,
        bars=progress,
        quiet=quiet,
    )
    raise typer.Exit(run_until_done(transcribe(plan)))


def _formats(given: Sequence[str], output: str | None) -> list[AnyFormat]:
    """Those that are named, else the one that the output's ending says, else plain text."""
    from server.commandline.transcribe.places import format_of_file, formats_of

    if found := formats_of(given):
        return found
    return [(format_of_file(output) if output else None) or ResponseFormat.TEXT]
