"""``vibevoice-asr serve``: the server. Its flags are those of `server.settings`, which also writes its help."""

from __future__ import annotations

from inspect import Parameter, Signature
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

NAME = "vibevoice-asr serve"


class _ServeCommand(TyperCommand):
    """Knows its flags where a shell asks for them: the settings read them otherwise."""

    def get_params(self, ctx: Any) -> list[Any]:
        return [*super().get_params(ctx), *(_flags() if ctx.resilient_parsing else [])]


def add_to(app: typer.Typer) -> None:
    """The command; everything behind its name is the settings' to read."""
    app.command(
        "serve",
        cls=_ServeCommand,
        add_help_option=False,
        context_settings={
            "allow_extra_args": True,
            "ignore_unknown_options": True,
            "allow_interspersed_args": False,
            "token_normalize_func": None,
        },
    )(_serve)


def _flags() -> list[Any]:
    """Of the server, for shells: the parameters of a command that has them all."""
    from server.settings import Settings

    def every(**_: str | None) -> None: ...

    options = [
        Parameter(
            name,
            Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[str | None, typer.Option(f"--{name.replace('_', '-')}", help=field.description)],
        )
        for name, field in Settings.model_fields.items()
    ]
    every.__signature__ = Signature(options)  # type: ignore[attr-defined]
    holder = typer.Typer(add_completion=False)
    holder.command(add_help_option=False)(every)
    return list(typer.main.get_command(holder).params)


def _serve(context: typer.Context) -> None:
    """Serve a checkpoint over HTTP. --help shows every flag; each is an environment variable too."""
    from server.serving.server import serve

    raise typer.Exit(serve(context.args, prog=NAME))
