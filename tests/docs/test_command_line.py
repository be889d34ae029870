"""The page about the command line names no command and no option that there is not, and every command."""

from __future__ import annotations

import re

from server.settings import Settings
from tests.docs.command_line import commands, options, spellings
from tests.support.processes import ROOT

PAGE = (ROOT / "docs" / "command-line.md").read_text("utf-8").partition("## All options")[0]
OF_THE_PROGRAM = {"--help", "--install-completion", "--show-completion"}


def test_the_page_names_options_that_there_are() -> None:
    there = {spelling for command in commands().values() for spelling in spellings(command)}
    there |= {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    there |= {part.split()[0] for _, rows in options() for row in rows for part in re.findall(r"`(--[^`]+)`", row[0])}
    named = {name.replace("_", "-") for name in re.findall(r"(?<![\w-])--[a-z][a-z_-]+", PAGE)}
    assert named - there - OF_THE_PROGRAM == set()


def test_the_page_has_a_place_for_every_command() -> None:
    for name in commands():
        first, *rest = name.split()
        assert f"## {first}\n" in PAGE, name
        assert all(re.search(rf"`{word}`|{first} {word}\b", PAGE) for word in rest), name
