"""``vibevoice-asr doctor``."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from server.commandline import options
from server.commandline.doctor.check import Check, State
from server.commandline.faults import Status


def add_to(app: typer.Typer) -> None:
    """The command."""
    app.command("doctor")(_doctor)


def _doctor(
    model: options.Model = None,
    device: options.Device = None,
    weights: options.Weights = None,
    port: Annotated[int | None, typer.Option("--port", help="Where the server is to listen.")] = None,
    as_json: options.AsJson = False,
) -> None:
    """Look for what is wrong with a set-up, and say what helps.

    Settings are those that serve would have: the environment's, and these flags. The status is 1 where a line fails.
    """
    overrides = {"model": model, "device": device, "weights": weights, "port": None if port is None else str(port)}
    found: list[Check] = []
    for check in _checks(overrides):
        found.append(check)
        if not as_json:
            _show(check)
    if as_json:
        sys.stdout.write(json.dumps([asdict(check) for check in found], indent=2) + "\n")
    raise typer.Exit(Status.FAILED if any(check.state is State.FAIL for check in found) else Status.DONE)


def _checks(overrides: dict[str, str | None]) -> Iterator[Check]:
    from model.device.survey import look
    from server.commandline.doctor import checkpoint, device, machine
    from server.commandline.settings import settings_of

    settings = settings_of(overrides)
    yield from machine.checks(settings)
    yield from device.judged(look(), settings.device)
    yield from checkpoint.checks(overrides)


def _show(check: Check) -> None:
    """``ok    torch       PyTorch 2.12`` in colours where a terminal shows them, the cure in a line below."""
    colour = {State.OK: typer.colors.GREEN, State.WARN: typer.colors.YELLOW, State.FAIL: typer.colors.RED}[check.state]
    typer.echo(f"{_painted(check.state.value.ljust(5), colour)} {check.name:<11} {check.told}")
    if check.cure:
        typer.echo(f"{'':18}→ {check.cure}")


def _painted(text: str, colour: str) -> str:
    import os

    return typer.style(text, fg=colour) if sys.stdout.isatty() and "NO_COLOR" not in os.environ else text
