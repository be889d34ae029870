"""All commands together, and how any of them ends: with a status, and without a traceback."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Sequence
from errno import EBADF, EDQUOT, EIO, ENOSPC
from typing import Annotated

import typer

from server.commandline import finetune, jobs, serve
from server.commandline.doctor import command as doctor
from server.commandline.evaluate import command as evaluate
from server.commandline.faults import Fault, Status
from server.commandline.live import command as live
from server.commandline.models import command as models
from server.commandline.transcribe import command as transcribe

_UNPRINTED = frozenset({EBADF, EDQUOT, EIO, ENOSPC})
"""Of the standard output, where no file is named: it is full, or was closed by who called."""

_HELP = """Who said what when: VibeVoice-ASR for recordings and live sound.

Commands that talk to a server take its address by --server or VIBEVOICE_SERVER and a key by --api-key or
VIBEVOICE_API_KEY. Results go to the standard output, everything else to the standard error.
"""


def _dashes(name: str) -> str:
    """``--output_dir`` as Whisper's commands have it is ``--output-dir``."""
    return name.replace("_", "-")


app = typer.Typer(
    name="vibevoice-asr",
    help=_HELP,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "token_normalize_func": _dashes},
)
serve.add_to(app)
transcribe.add_to(app)
live.add_to(app)
app.add_typer(jobs.app, name="jobs")
app.add_typer(models.app, name="models")
finetune.add_to(app)
doctor.add_to(app)
evaluate.add_to(app)


def _show_version(wanted: bool) -> None:
    if wanted:
        from server.version import VERSION

        typer.echo(VERSION)
        raise typer.Exit


@app.callback()
def _about(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and leave.")
    ] = False,
) -> None:
    """See _HELP."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Do what ``arguments`` (default: those of this process) say. Returns the exit status."""
    _open_streams()
    try:
        status = app(args=None if arguments is None else list(arguments), standalone_mode=False)
        sys.stdout.flush()
    except Fault as fault:
        typer.echo(f"vibevoice-asr: {fault.message}", err=True)
        return fault.status
    except typer.Abort:
        return Status.INTERRUPTED
    except KeyboardInterrupt:
        return Status.INTERRUPTED
    except BrokenPipeError:
        return _reader_left()
    except OSError as error:
        what = error.filename
        if what is None and error.errno in _UNPRINTED:
            what = "the result cannot be printed"
            _reader_left()
        typer.echo(f"vibevoice-asr: {f'{what}: ' if what else ''}{error.strerror or error}.", err=True)
        return Status.FAILED
    except Exception as error:
        if (told := _of_usage(error)) is None:
            raise
        typer.echo(told, err=True)
        return Status.USAGE
    return status if isinstance(status, int) else Status.DONE


def _open_streams() -> None:
    """Those that were closed are there: nothing comes by them, and what is written to them fails.

    What the standard output's encoding cannot say is escaped, as on the standard error.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _reader_left() -> int:
    """``| head`` has read enough. What is still to be flushed at the end of the process goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return Status.FAILED


def _of_usage(error: Exception) -> str | None:
    """What the parser says of arguments that it does not understand; None of any other error."""
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        return None
    told = str(format_message())
    if told.startswith("Usage: "):  # no command was named, and it is the help
        return told
    context = getattr(error, "ctx", None)
    where = "vibevoice-asr" if context is None else context.command_path
    return f"{where}: {told}\nTry '{where} --help'."
