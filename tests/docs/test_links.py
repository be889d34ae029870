"""Links between the pages lead somewhere, pictures are there and have words, and the index names every page."""

from __future__ import annotations

import re
from functools import cache

import pytest

from tests.docs.fences import pages
from tests.support.processes import ROOT

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^()\s]+(?:\([^()]*\)[^()\s]*)?)\)")
_SOURCE = re.compile(r"""<(?:img|source)\b[^>]*?\b(?:src|srcset)="([^"]+)"[^>]*>""")


def prose(page: str) -> str:
    """A page without its blocks of code and what stands between back quotes."""
    text = re.sub(r"^ *```.*?^ *```", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"`[^`]*`", "``", text)


@cache
def anchors(page: str) -> set[str]:
    """Of its headings, as GitHub makes them."""
    text = re.sub(r"^ *```.*?^ *```", "", (ROOT / page).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    heads = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    words = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", head) for head in heads]
    return {re.sub(r"[^\w\- ]", "", word.lower()).replace(" ", "-") for word in words}


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page: str) -> None:
    lost = []
    targets = [target for _, _, target in _LINK.findall(prose(page))]
    for target in [*targets, *_SOURCE.findall(prose(page))]:
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        file = (ROOT / page).parent / path if path else ROOT / page
        named = anchor and file.suffix == ".md"
        if not file.exists() or (named and anchor not in anchors(str(file.resolve().relative_to(ROOT)))):
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize("page", pages())
def test_pictures_have_words(page: str) -> None:
    """For whoever does not see them."""
    silent = [target for picture, words, target in _LINK.findall(prose(page)) if picture and not words.strip()]
    assert silent == []
    assert all(re.search(r'\balt="[^"]+"', tag) for tag in re.findall(r"<img\b[^>]*>", prose(page)))


def test_the_index_names_every_page() -> None:
    index = prose("docs/README.md")
    named = {target for _, _, target in _LINK.findall(index)}
    missing = [
        page
        for page in pages()
        if page.startswith("docs/") and page not in ("docs/README.md", "docs/package.md")
        if page.removeprefix("docs/") not in named
    ]
    assert missing == []
