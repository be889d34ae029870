"""Headers of parts, whatever stands in them: a name, or a word about what is wrong."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.forms.errors import InvalidForm
from server.http.forms.part import boundary_of, charset_of, read_headers

WORDS = [
    "Content-Disposition: form-data; name=file;",
    "Content-Type: text/plain;",
    "Content-Transfer-Encoding: ",
    *(
        "name",
        "filename",
        "charset",
        "boundary",
        "=",
        "*",
        "*0",
        "*1*",
        ";",
        '"',
        "'",
        "''",
        "\\",
        "%41",
        "%",
        "(",
        "<",
    ),
    *("utf-8''", "=?utf-8?Q?file?=", "=?utf-8?B?!?=", "=?x?Q?a?=", "\r\n", "\r\n ", "\n\t", "idna", "hex", "base64"),
    *("\0", "ü🎤", "a", "9" * 5_000),
]


@given(st.lists(st.sampled_from(WORDS), max_size=12).map("".join), st.sampled_from(["utf-8", "utf-16"]))
def test_any_headers_are_read_or_refused(text: str, charset: str) -> None:
    for lines in (text, f'Content-Disposition: form-data; name="file"\r\nContent-Type: text/plain; {text}'):
        with suppress(InvalidForm):
            assert isinstance(read_headers(lines.encode(charset)).name, str)
    content_type = f"multipart/form-data; {text}".encode().decode("latin-1")
    with suppress(InvalidForm):
        assert boundary_of(content_type)
    with suppress(InvalidForm):
        charset_of(content_type)


def test_a_piece_of_a_value_with_an_endless_number() -> None:
    with pytest.raises(InvalidForm):
        read_headers(b"Content-Disposition: form-data; name*" + b"9" * 5_000 + b"=file")


def test_more_parameters_than_anybody_writes() -> None:
    with pytest.raises(InvalidForm):
        read_headers(b"Content-Disposition: form-data; name=file" + b";" * 8_000)
