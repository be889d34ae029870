"""What the pages have from the code: ``python -m tests.docs.tables`` writes it, and the tests say when it is old.

A page has places for it, between ``<!-- NAME: written by make docs -->`` and ``<!-- end of NAME -->``.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any

import typer
from pydantic.fields import FieldInfo
from typer.core import TyperArgument, TyperGroup, TyperOption

from model.finetune.arguments import parser as teaching
from server.app import create_app
from server.commandline.app import app
from server.settings import Settings
from server.settings.settings import GROUPS
from tests.docs import vocabulary
from tests.support.processes import ROOT

Json = dict[str, Any]

_NO_SLASH = re.compile(r"(?<!\\)\|")


def written(page: str) -> str:
    """The page with all of its places filled in as the code has it now."""
    text = (ROOT / page).read_text("utf-8")
    for name, make in PLACES[page].items():
        first, last = f"<!-- {name}: written by make docs -->\n", f"<!-- end of {name} -->"
        head, found, rest = text.partition(first)
        assert found, f"{page} has no place for {name}"
        text = f"{head}{first}\n{make()}\n{last}{rest.partition(last)[2]}"
    return text


def _table(head: list[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_NO_SLASH.sub(r"\\|", cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# ---------------------------------------------------------------------------------------------------------- settings
def settings() -> str:
    """All of them, group by group."""
    return "\n".join(
        f"### {name}\n\n{(group.__doc__ or '').strip()}\n\n"
        + _table(["flag", "default", "meaning"], [_setting(*field) for field in group.model_fields.items()])
        for name, group in GROUPS.items()
    )


def _setting(name: str, field: FieldInfo) -> list[str]:
    flag = f"--{name.replace('_', '-')}"
    default = field.get_default(call_default_factory=True)
    if default is True:
        flag = f"--no-{flag[2:]}"
    choices = getattr(field.annotation, "__args__", ()) if "Literal" in str(field.annotation) else ()
    about = f"{field.description} One of {_names(choices)}." if choices else f"{field.description}"
    return [f"`{flag}`", _default(default), about]


def _default(value: object) -> str:
    match value:
        case bool():
            return "on" if value else "off"
        case None | ():
            return ""
        case str():
            return f"`{value}`"
        case list():
            return _names(value)
        case _:
            return f"{value:.12g}"


def _names(values: Sequence[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


# ------------------------------------------------------------------------------------------------------- command line
def _commands() -> dict[str, Callable[[], str]]:
    """A place for each command but serve, whose flags are settings, on a page of their own."""
    program = typer.main.get_command(app)
    assert isinstance(program, TyperGroup)
    return {
        name: _finetune if name == "finetune" else partial(_command, command)
        for name, command in program.commands.items()
        if name != "serve"
    }


def _command(command: Any) -> str:
    """Its arguments and flags. Those of a group's commands have one row where they are the same."""
    if not isinstance(command, TyperGroup):
        return _table(["argument", "default", "meaning"], [_argument(each) for each in command.params])
    merged: dict[tuple[str, ...], list[str]] = {}
    for name, each in command.commands.items():
        for row in map(_argument, each.params):
            merged.setdefault(row, []).append(f"`{name}`")
    rows = [(argument, ", ".join(names), *rest) for (argument, *rest), names in merged.items()]
    return _table(["argument", "of", "default", "meaning"], rows)


def _argument(each: Any) -> tuple[str, str, str]:
    assert isinstance(each, TyperArgument | TyperOption)
    default = "required" if each.required else _default(each.default)
    if isinstance(each, TyperArgument):
        return f"`{each.metavar}`", default, _line(each.help or "")
    value = f" `{each.metavar}`" if each.metavar else ""
    return f"{_names([*each.opts, *each.secondary_opts])}{value}", default, _line(each.help or "")


def _finetune() -> str:
    """Of the parser of ``python -m model.finetune``, which reads what stands behind that command."""
    rows = []
    for each in teaching("finetune")._actions:
        if isinstance(each, argparse._HelpAction):
            continue
        value = f" `{each.metavar}`" if each.metavar else ""
        about = f"{each.help}; one of {_names(list(each.choices))}" if each.choices else f"{each.help}"
        default = "required" if each.required else _default(each.default)
        rows.append([f"{_names(each.option_strings or [each.dest])}{value}", default, about])
    return _table(["argument", "default", "meaning"], rows)


# --------------------------------------------------------------------------------------------------------- operations
def operations() -> str:
    """Every operation of the description, with its parameters and answers; then the WebSockets; then all bodies."""
    described = create_app(Settings(model="tiny")).openapi()
    found = [
        _operation(verb, path, operation, described)
        for path, item in described["paths"].items()
        for verb, operation in item.items()
    ]
    sockets = [f"### `WS {path}`\n\n{about['summary']}: see {_page(about)}.\n" for path, about in _sockets(described)]
    bodies = [_body(name, schema, described) for name, schema in described["components"]["schemas"].items()]
    return "\n".join(["## Operations\n", *found, "## WebSockets\n", *sockets, "## Bodies\n", *bodies])


def _sockets(described: Json) -> Iterator[tuple[str, Json]]:
    yield from described["x-websockets"].items()


def _page(about: Json) -> str:
    name = about["documentation"].removeprefix("docs/")
    return f"[{name}]({name})"


def _operation(verb: str, path: str, operation: Json, described: Json) -> str:
    summary = operation["summary"] + ("" if operation["summary"].endswith("?") else ".")
    about = f"{summary} {_line(operation.get('description', ''))}".strip()
    parts = [f"### `{verb.upper()} {path}`\n", f"{about}\n"]
    if parameters := _parameters(operation, described):
        parts.append(_table(["parameter", "in", "type", ""], parameters))
    answers = [
        [status, _contents(answer), _line(answer["description"])]
        for status, given in sorted(operation["responses"].items())
        if status not in EVERYWHERE
        for answer in [_resolved(given, described)]
    ]
    return "\n".join([*parts, _table(["status", "body", ""], answers)])


def _parameters(operation: Json, described: Json) -> list[list[str]]:
    """Name, where it stands, type, description; what stands in several places in the same way has one row."""
    merged: dict[tuple[str, ...], list[str]] = {}
    for given in operation.get("parameters", []):
        each = _resolved(given, described)
        row = (f"`{each['name']}`", _kind(each.get("schema", {}), described), _line(each.get("description", "")))
        merged.setdefault(row, []).append(each["in"])
    for kind, content in _resolved(operation.get("requestBody", {}), described).get("content", {}).items():
        for name, about in _fields(_resolved(content.get("schema", {}), described), described):
            merged.setdefault((f"`{name}`", *about), []).append(_BODIES.get(kind, kind))
    return [[name, " and ".join(where), *rest] for (name, *rest), where in merged.items()]


def _contents(answer: Json) -> str:
    """The types of an answer, with links to what is in them."""
    told = []
    for kind, content in answer.get("content", {}).items():
        schema = content.get("schema", {})
        refs = [part["$ref"] for part in [schema, *schema.get("anyOf", []), *schema.get("oneOf", [])] if "$ref" in part]
        names = [ref.rpartition("/")[2] for ref in refs]
        told.append(f"`{kind}`" + "".join(f" [{name}](#{name.lower()})" for name in names))
    return ", ".join(told)


def _body(name: str, schema: Json, described: Json) -> str:
    needed = schema.get("required", [])
    rows = [
        [f"`{field}`", kind, "" if field in needed else "may be absent", about]
        for field, (kind, about) in _fields(schema, described)
    ]
    about = _line(schema.get("description", ""))
    table = _table(["field", "type", "", ""], rows) if rows else f"{_kind(schema, described)}\n"
    return "\n".join([f"### {name}\n", *([f"{about}\n"] if about else []), table])


EVERYWHERE = {"401", "403", "421", "500"}
"""Statuses that the page tells of once."""
_BODIES = {"multipart/form-data": "form", "application/json": "JSON"}


def _resolved(part: Json, described: Json) -> Json:
    while "$ref" in part:
        found: Json = described
        for name in part["$ref"].removeprefix("#/").split("/"):
            found = found[name]
        part = found
    return part


def _fields(schema: Json, described: Json) -> list[tuple[str, list[str]]]:
    found: dict[str, list[str]] = {}
    for each in [
        schema,
        *(_resolved(part, described) for key in ("allOf", "anyOf", "oneOf") for part in schema.get(key, [])),
    ]:
        for name, field in each.get("properties", {}).items():
            about = _line(_resolved(field, described).get("description", ""))
            found.setdefault(name, [_kind(field, described), about])
    return list(found.items())


def _kind(schema: Json, described: Json) -> str:
    name = schema.get("$ref", "").rpartition("/")[2]
    schema = _resolved(schema, described)
    if name and "properties" in schema:
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        kind = ", ".join(f"`{value}`" for value in schema["enum"])
    elif "const" in schema:
        kind = f"`{schema['const']}`"
    elif choices := schema.get("anyOf") or schema.get("oneOf"):
        kind = " or ".join(dict.fromkeys(_kind(each, described) for each in choices))
    elif schema.get("type") == "array":
        kind = f"list of {_kind(schema.get('items', {}), described)}"
    else:
        named = schema.get("type", "any")
        kind = " or ".join(named) if isinstance(named, list) else str(named)
        match schema.get("minimum"), schema.get("maximum"):
            case None, None:
                pass
            case least, None:
                kind += f", at least {least}"
            case None, most:
                kind += f", at most {most}"
            case least, most:
                kind += f", {least} to {most}"
    default = schema.get("default")
    return kind if default is None else f"{kind}; default `{default}`"


def _line(text: str) -> str:
    return " ".join(text.split())


# --------------------------------------------------------------------------------------------------------------- cards
def cards() -> str:
    """What fits on which GPU: rows of the table that `make bench-memory` records in docs/performance.md."""
    page = (ROOT / "docs/performance.md").read_text("utf-8")
    block = page.partition("<!-- memory: ")[2].partition("<!-- end of memory -->")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines() if " GB " in line[:10]]
    kept = [row for row in rows if row[0] in _CARDS and row[1] != "fp8" and row[4] != "does not start"]
    lines = [[row[0], f"`{row[1]}`", row[4], row[5], row[6]] for row in kept]
    return _table(
        ["GPU", "`--weights`", "longest recording in one pass", "1-minute files at once", "1-hour files"], lines
    )


_CARDS = ("8 GB", "12 GB", "16 GB", "24 GB", "48 GB", "80 GB")

PLACES: dict[str, dict[str, Callable[[], str]]] = {
    "docs/settings.md": {"settings": settings},
    "docs/command-line.md": _commands(),
    "docs/reference.md": {"operations": operations},
    "docs/quickstart.md": {"cards": cards},
    "model/tiny/README.md": {"words": vocabulary.words},
}


def main() -> None:
    """Write all places of all pages."""
    for page in PLACES:
        (ROOT / page).write_text(written(page), "utf-8")
        sys.stdout.write(f"{page}\n")


if __name__ == "__main__":
    main()
