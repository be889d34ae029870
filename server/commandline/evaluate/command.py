"""``vibevoice-asr eval``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from server.commandline import options
from server.commandline.faults import Fault, UsageFault
from server.evaluation.rules import COLLAR, WORD_COLLAR, Rules

_WITHOUT_LIBRARIES = "Evaluating needs a few more packages: pip install 'vibevoice-asr-server[eval]' ({} is missing)."


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command("eval")(_eval)


def _eval(
    material: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FOLDER|FILE|LIST.jsonl...]",
            help="Recordings with references beside them (.json, .stm, .txt, .rttm), or lists of both.",
            show_default=False,
        ),
    ] = None,
    server: options.Server = None,
    api_key: options.Key = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE.json",
            help="Keep figures and transcripts of these recordings; which are in it already are not heard again.",
        ),
    ] = None,
    compare: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A.json B.json", help="Whether B is better than A; nothing is transcribed."),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", metavar="TAG", help="What is spoken; by default the references tell.")
    ] = None,
    collar: Annotated[
        float, typer.Option("--collar", min=0, metavar="SECONDS", help="Around boundaries, where DER is not scored.")
    ] = COLLAR,
    word_collar: Annotated[
        float, typer.Option("--word-collar", min=0, metavar="SECONDS", help="By which tcpWER lets words be off.")
    ] = WORD_COLLAR,
    hotwords: options.Hotwords = None,
    context: options.Context = None,
    one_pass: Annotated[
        bool, typer.Option("--one-pass", help="Hear a long recording at once, where the model's context holds it.")
    ] = False,
    model: options.Model = None,
    device: options.Device = None,
    weights: options.Weights = None,
    parallel: Annotated[int, typer.Option("--parallel", "-p", min=1, help="Recordings at once.")] = 4,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also transcribe what was transcribed before.")
    ] = False,
    wait: options.Wait = options.WAIT_SECONDS,
    progress: Annotated[bool, typer.Option("--progress/--no-progress", help="Show bars in a terminal.")] = True,
    as_json: options.AsJson = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Say how right transcripts are, and compare set-ups.

    Counts word, speaker and time errors, and tells the speed. Recordings are transcribed through a server (--server),
    or without one in this process, and held against what was said in them. --compare says of two such evaluations
    whether one is better. The status is 1 where a recording failed.
    """
    if (material is None) == (compare is None):
        raise UsageFault("Give recordings with references, or --compare and two files that -o wrote before.")
    try:
        from server.commandline.evaluate.comparison import show_comparison
        from server.commandline.evaluate.run import Plan, evaluate_all
        from server.commandline.evaluate.table import print_json, show_report
    except ModuleNotFoundError as error:
        raise Fault(_WITHOUT_LIBRARIES.format(error.name)) from None
    if compare is not None:
        show_comparison(*compare, as_json=as_json)
        return
    from server.commandline.running import run_until_done
    from server.commandline.transcribe.opening import Place
    from server.commandline.transcribe.wishes import WishFlags

    plan = Plan(
        names=material or [],
        place=Place(
            server=server,
            key=api_key,
            here={"model": model, "device": device, "weights": weights},
            parallel=parallel,
            wait=wait,
            verbose=verbose,
        ),
        flags=WishFlags(hotwords=hotwords or (), context=context, one_pass=one_pass),
        rules=Rules(language, collar, word_collar),
        output=output,
        overwrite=overwrite,
        bars=progress,
        quiet=quiet,
    )
    show = (lambda report: print_json(report.as_json())) if as_json else show_report
    raise typer.Exit(run_until_done(evaluate_all(plan, show)))
