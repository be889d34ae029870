"""``vibevoice-asr finetune``: as ``python -m model.finetune``, whose flags and help it has."""

from __future__ import annotations

import typer

NAME = "vibevoice-asr finetune"


def add_to(app: typer.Typer) -> None:
    """The command; everything behind its name is read by ``model.finetune``."""
    app.command(
        "finetune",
        add_help_option=False,
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "allow_interspersed_args": False,
            "token_normalize_func": None,
        },
    )(_finetune)


def _finetune(context: typer.Context) -> None:
    """Teach a checkpoint from recordings, and make an adapter of it."""
    from model.finetune.command import run

    raise typer.Exit(run(context.args, prog=NAME))
