"""What the pages have from the code is as the code has it, and every code of an error stands in a page."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
import typer
from pydantic import BaseModel

from server.audio_in.errors import AudioErrorCode
from server.commandline.app import app
from server.engine.messages import FailureCode
from server.protocols.openai.diarization_request import DiarizationParameters
from server.protocols.openai.transcription_request import TranscriptionParameters
from server.settings import Settings
from tests.docs.fences import pages
from tests.docs.tables import PLACES, written
from tests.support.processes import ROOT

WHERE_CODES_ARE_GIVEN = ("server/http", "server/protocols", "server/serving")


@pytest.mark.parametrize("page", PLACES)
def test_what_is_generated_is_of_today(page: str) -> None:
    assert (ROOT / page).read_text("utf-8") == written(page), "make docs writes it"


def test_the_command_line_names_the_flags_that_there_are() -> None:
    """All of the program itself, which has no table; and none that is neither in a table nor a setting of serve."""
    page = "docs/command-line.md"
    text = (ROOT / page).read_text("utf-8").replace("_", "-")  # as the commands take them
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text))
    own = {flag for each in typer.main.get_command(app).params for flag in each.opts}
    tables = {flag for make in PLACES[page].values() for flag in re.findall(r"`(--[a-z-]+)`", make())}
    settings = {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    assert own - named == set()
    assert named - own - tables - settings == {"--help"}


@pytest.mark.parametrize(
    ("heading", "parameters"), [("Transcriptions", TranscriptionParameters), ("Diarization", DiarizationParameters)]
)
def test_the_page_of_the_api_names_every_parameter(heading: str, parameters: type[BaseModel]) -> None:
    """In the table under this heading, which says that fields beside it are ignored."""
    section = (ROOT / "docs" / "api.md").read_text("utf-8").partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    cells = " ".join(line.split("|")[1] for line in section.splitlines() if line.startswith("| `"))
    named = set(re.findall(r"`(\w+)`", cells))
    assert named == {"file", *parameters.model_fields}


def codes_in(source: str) -> Iterator[str]:
    """Texts that are given as ``code``: by name, as the default of such a parameter, or third to `invalid`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.keyword(arg="code", value=ast.Constant(value=str(code))):
                yield code
            case ast.Call(func=ast.Name(id="invalid"), args=[_, _, ast.Constant(value=str(code))]):
                yield code
            case ast.FunctionDef(args=arguments):
                for named, default in _defaults(arguments):
                    if named == "code" and isinstance(default, ast.Constant) and isinstance(default.value, str):
                        yield default.value


def _defaults(arguments: ast.arguments) -> Iterator[tuple[str, ast.expr | None]]:
    names = [each.arg for each in arguments.args]
    yield from zip(reversed(names), reversed(arguments.defaults), strict=False)
    yield from zip((each.arg for each in arguments.kwonlyargs), arguments.kw_defaults, strict=True)


def test_every_code_of_an_error_stands_in_a_page() -> None:
    """With what it means; the troubleshooting page leads there."""
    sources = [file.read_text("utf-8") for folder in WHERE_CODES_ARE_GIVEN for file in (ROOT / folder).rglob("*.py")]
    codes = {code for source in sources for code in codes_in(source)} | {*AudioErrorCode, *FailureCode}
    assert len(codes) > 40
    told = "".join((ROOT / page).read_text("utf-8") for page in pages() if page.startswith("docs/"))
    missing = {code for code in codes if f"`{code}`" not in told and f"`{code.upper()}`" not in told}
    assert missing == set()
