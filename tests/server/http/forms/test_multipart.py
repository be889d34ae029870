"""Where parts begin and end: the same however the body is cut, and nothing of a content is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.forms.errors import InvalidForm
from server.http.forms.multipart import MultipartParser, PartBegin, PartData

BOUNDARY = b"xYx"
NEAR = [
    b"\r",
    b"\n",
    b"-",
    b"\r\n--xY",
    b"\r\n--xYxa",
    b"--xYx",
    b"\n--xY",
    b"\r\n--xYx-",
    b"\r\n--xYx\r-",
    b"\0",
    b"\xff",
]
"""What content may have in it that looks like a boundary and is none."""

contents = st.lists(st.sampled_from(NEAR) | st.binary(max_size=8), max_size=6).map(b"".join)
"""Without a real boundary: between ``\\r\\n--xYx`` and the line's end there is always something."""


def is_harmless(content: bytes) -> bool:
    lines = (b"\r\n" + content + b"\r\n").split(b"\n")
    return not any(line.startswith(b"--xYx") and not line[5:].strip(b" \t\r") for line in lines) and not any(
        line.startswith((b"--xYx--", b"--xYx-")) for line in lines
    )


def read(body: bytes, *cuts: int) -> tuple[list[tuple[bytes, bytes]], MultipartParser]:
    """The headers and contents of a body that comes in pieces."""
    parser = MultipartParser(BOUNDARY)
    found: list[tuple[bytes, bytes]] = []
    ends = sorted({min(cut, len(body)) for cut in cuts} | {len(body)})
    for start, end in zip([0, *ends[:-1]], ends, strict=True):
        for event in parser.feed(body[start:end]):
            if isinstance(event, PartBegin):
                found.append((event.headers, b""))
            elif isinstance(event, PartData):
                assert event.data
                found[-1] = found[-1][0], found[-1][1] + event.data
    return found, parser


@given(
    parts=st.lists(contents.filter(is_harmless), max_size=4),
    cuts=st.lists(st.integers(0, 300), max_size=8),
    preamble=st.sampled_from([b"", b"\r\n", b"This is a message in several parts.\r\n", b"x--xYx\r\n", b"--xYxz\r\n"]),
    epilogue=st.sampled_from([b"", b"\r\n", b"\r\nand so on", b"\r\n--xYx\r\n"]),
    padding=st.sampled_from([b"", b" ", b"\t  "]),
    newline=st.sampled_from([b"\r\n", b"\n"]),
)
def test_every_part_is_found_whole(
    parts: list[bytes], cuts: list[int], preamble: bytes, epilogue: bytes, padding: bytes, newline: bytes
) -> None:
    body = preamble
    for number, content in enumerate(parts):
        head = f'Content-Disposition: form-data; name="{number}"'.encode()
        body += b"--xYx" + padding + newline + head + newline * 2 + content + newline
    body += b"--xYx--" + epilogue
    found, parser = read(body, *cuts)
    assert found == [(f'Content-Disposition: form-data; name="{n}"'.encode(), part) for n, part in enumerate(parts)]
    assert parser.ended


def test_a_boundary_begins_a_line_wherever_the_body_is_cut() -> None:
    body = b"x" * 20 + b"--xYx\r\nno part--xYx\r\n--xYx\r\na: b\r\n\r\n1\r\n--xYx--"
    for first in range(len(body)):
        for second in range(first, len(body)):
            assert read(body, first, second)[0] == [(b"a: b", b"1")]


@given(body=st.binary(max_size=200), cuts=st.lists(st.integers(0, 200), max_size=5))
def test_any_bytes_are_read_the_same_in_pieces(body: bytes, cuts: list[int]) -> None:
    body = body.replace(b"A", b"--xYx").replace(b"B", b"\r\n")
    assert read(body)[0] == read(body, *cuts)[0]


@pytest.mark.parametrize("cut", range(1, 90))
def test_what_was_cut_off_has_not_ended(cut: int) -> None:
    body = b'--xYx\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + bytes(50) + b"\r\n--xYx--"
    found, parser = read(body[:-cut])
    assert not parser.ended
    assert len(found[0][1]) == max(0, min(50, 50 - cut + 9)) if found else True


def test_a_part_without_headers_and_one_without_content() -> None:
    assert read(b"--xYx\r\n\r\nabc\r\n--xYx\r\na: b\r\n\r\n\r\n--xYx--")[0] == [(b"", b"abc"), (b"a: b", b"")]


@pytest.mark.parametrize(
    "body",
    [b"RIFF" * 50_000, b"--xYx\r\n" + b"a: b\r\n" * 10_000, b"--xYx\r\n" + b"a" * 100_000],
    ids=["raw", "many", "long"],
)
def test_what_is_no_form_is_not_read_to_its_end(body: bytes) -> None:
    with pytest.raises(InvalidForm):
        read(body + bytes(1000), *range(0, len(body), 1000))
