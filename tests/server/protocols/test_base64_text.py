"""Base64 as people write it: every form gives the same bytes, and what is none is refused."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.protocols.base64_text import NotBase64, decode_base64

LONG = bytes(range(256)) * 1_500
"""More than is decoded at once, with every letter of both alphabets."""

FORMS: dict[str, Callable[[bytes], str]] = {
    "standard": lambda data: base64.b64encode(data).decode(),
    "URL-safe": lambda data: base64.urlsafe_b64encode(data).decode(),
    "without padding": lambda data: base64.b64encode(data).decode().rstrip("="),
    "URL-safe without padding": lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
    "lines of 76, as MIME has them": lambda data: base64.encodebytes(data).decode(),
    "lines that end as on Windows": lambda data: base64.encodebytes(data).decode().replace("\n", "\r\n"),
    "indented lines": lambda data: base64.encodebytes(data).decode().replace("\n", "\n\t "),
    "space around it": lambda data: f" \r\n{base64.b64encode(data).decode()}\n ",
    "too much padding": lambda data: base64.b64encode(data).decode() + "==",
    "data: URL": lambda data: "data:audio/wav;base64," + base64.b64encode(data).decode(),
    "data: URL without a type": lambda data: "data:;base64," + base64.b64encode(data).decode(),
    "data: URL with parameters": lambda data: (
        'DATA:audio/webm; codecs="opus, vorbis";name=a.webm ;BASE64, ' + base64.b64encode(data).decode()
    ),
    "data: URL of a browser's recorder": lambda data: (
        "data:video/webm;codecs=vp8,opus;base64," + base64.b64encode(data).decode()
    ),
    "data: URL with percent signs": lambda data: "data:audio/wav;base64," + quote(base64.b64encode(data).decode()),
    "data: URL in lines": lambda data: "data:audio/wav;base64,\n" + base64.encodebytes(data).decode(),
}


@given(data=st.binary(max_size=100), form=st.sampled_from(sorted(FORMS)))
def test_every_form_gives_the_same_bytes(data: bytes, form: str) -> None:
    assert decode_base64(FORMS[form](data)) == data


@pytest.mark.parametrize("write", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("cut", range(4))
def test_long_texts_too(write: Callable[[bytes], str], cut: int) -> None:
    assert decode_base64(write(LONG[cut:])) == LONG[cut:]


@pytest.mark.parametrize(
    "text",
    [
        "?",
        "A",
        "QUJDR",
        "QU.JD",
        "QUJDé",
        "QUJD\0",
        "QUI=QUI=",  # two texts that were joined
        "=QUJD",
        "data:audio/wav,QUJD",
        "https://example.com/a.wav",
        base64.b64encode(LONG).decode() + "!",
        base64.b64encode(LONG[:196_607]).decode() + base64.b64encode(LONG).decode(),  # joined where a piece ends
    ],
)
def test_what_is_no_base64_is_refused(text: str) -> None:
    with pytest.raises(NotBase64):
        decode_base64(text)


def test_nothing_is_nothing() -> None:
    assert decode_base64("") == decode_base64(" \n") == decode_base64("data:audio/wav;base64,") == b""
