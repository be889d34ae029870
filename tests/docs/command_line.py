"""The command line as the program has it: its commands, and a table of the options of each."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

import typer

from model.finetune.arguments import parser as finetune_parser
from server.commandline.app import app

NAME = "vibevoice-asr"


def commands() -> dict[str, Any]:
    """Every command that ``--help`` shows, by what is typed behind the program's name."""
    return dict(_commands(typer.main.get_command(app), ""))


def _commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    if name:
        yield name, command
    for word, inner in getattr(command, "commands", {}).items():
        if not inner.hidden:
            yield from _commands(inner, f"{name} {word}".strip())


def spellings(command: Any) -> set[str]:
    """Of the options of a command, in the program's own parser."""
    return {spelling for each in _options(command) for spelling in (*each.opts, *each.secondary_opts)}


def options() -> Iterator[tuple[str, list[list[str]]]]:
    """Of each command that has any: rows of what is typed, what holds without it, and what it does.

    ``serve`` has the server's settings, which have a page of their own.
    """
    for name, command in commands().items():
        rows = _of_finetune() if name == "finetune" else _rows(command)
        if rows:
            yield f"{NAME} {name}", rows


def _options(command: Any) -> list[Any]:
    return [each for each in command.params if each.param_type_name == "option" and not each.hidden]


def _rows(command: Any) -> list[list[str]]:
    arguments = [each for each in command.params if each.param_type_name == "argument"]
    given = [[f"`{each.metavar}`", "", _line(each.help)] for each in arguments]
    return given + [[_typed(each), _default(each.default), _line(each.help)] for each in _options(command)]


def _typed(option: Any) -> str:
    value = "" if option.is_flag else f" {option.metavar or 'N'}"
    return ", ".join(f"`{spelling}{value}`" for spelling in (*option.opts, *option.secondary_opts))


def _default(default: object) -> str:
    match default:
        case None | False:
            return ""
        case True:
            return "yes"
        case list():
            return ", ".join(default)
        case int() | float():
            return f"{default:g}"
        case _:
            return str(default)


def _of_finetune() -> list[list[str]]:
    """Its parser is that of ``python -m model.finetune``."""
    shown = [each for each in finetune_parser("finetune")._actions if each.help is not argparse.SUPPRESS]
    return [_finetune_row(action) for action in shown if "--help" not in action.option_strings]


def _finetune_row(action: argparse.Action) -> list[str]:
    value = "" if action.nargs == 0 else f" {action.metavar or '|'.join(action.choices or ()) or action.dest.upper()}"
    typed = ", ".join(f"`{spelling}{value}`" for spelling in action.option_strings)
    return [typed or f"`{value.strip()}`", _default(action.default), _line(action.help)]


def _line(text: str | None) -> str:
    return " ".join((text or "").split())
