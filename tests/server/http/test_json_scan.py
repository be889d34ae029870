"""Long texts are found in JSON that comes in any pieces, and everything else stays what it was."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.http.json_scan import (
    MAX_DEPTH,
    MAX_VALUES,
    JsonScanner,
    JsonTooComplex,
    TextBegin,
    TextData,
    member_or_data,
)

PARAMS = ("input_audio", "file")
Found = list[tuple[str, str]]

KEYS = st.sampled_from([*PARAMS, "data", "x", "files", ""]) | st.text(max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(max_codepoint=300), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def scan(text: bytes, cuts: Sequence[int] = ()) -> tuple[Any, Found]:
    """What is left, read as JSON, and the texts that were taken out, in order."""
    scanner = JsonScanner(member_or_data(PARAMS))
    found: list[tuple[str, bytearray]] = []
    places = [0, *sorted(cuts), len(text)]
    for begin, end in pairwise(places):
        for event in scanner.feed(text[begin:end]):
            if isinstance(event, TextBegin):
                found.append((event.param, bytearray()))
            elif isinstance(event, TextData):
                found[-1][1].extend(event.data)
    return json.loads(scanner.rest), [(param, content.decode("latin-1")) for param, content in found]


def expected(value: Any) -> tuple[Any, Found]:
    """The same, found the easy way."""
    found: Found = []

    def taken(param: str, text: str) -> str:
        found.append((param, text))
        return str(len(found) - 1)

    if not isinstance(value, dict):
        return value, found
    told = {}
    for key, inner in value.items():
        if key in PARAMS and isinstance(inner, str):
            inner = taken(key, inner)
        elif key in PARAMS and isinstance(inner, dict) and isinstance(inner.get("data"), str):
            inner = {name: taken(key, at) if name == "data" else at for name, at in inner.items()}
        told[key] = inner
    return told, found


@given(value=JSON, cuts=st.lists(st.integers(0, 200), max_size=6), indent=st.sampled_from([None, 2]), data=st.data())
def test_as_if_it_had_been_read_whole(value: Any, cuts: list[int], indent: int | None, data: st.DataObject) -> None:
    ascii_only = data.draw(st.booleans())
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    if data.draw(st.booleans()):
        text = text.replace("/", r"\/")
    rest, found = scan(text.encode(), [min(cut, len(text.encode())) for cut in cuts])
    wanted_rest, wanted = expected(value)
    assert rest == wanted_rest
    assert [param for param, _ in found] == [param for param, _ in wanted]
    for (_, seen), (_, whole) in zip(found, wanted, strict=True):
        assert len(whole.encode()) <= 4 * len(seen.encode("latin-1"))
        if whole.isascii():
            assert seen == whole


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1000])
def test_escapes_are_undone_wherever_they_are_cut(step: int) -> None:
    text = rb'{"f\u0069le": {"da\u0074a": "ab\/c\u002b\"\\\nz\u00e9"}}'
    rest, found = scan(text, range(step, len(text), step))
    assert rest == {"file": {"data": "0"}}
    assert found == [("file", 'ab/c+"\\\nz\xff')], "what is not ASCII is some letter that base64 has not"


def test_the_last_of_several_stands_where_json_has_it() -> None:
    rest, found = scan(b'{"file": "a", "file": {"data": "b"}, "file": "c", "input_audio": {"data": "d", "data": "e"}}')
    assert rest == {"file": "2", "input_audio": {"data": "4"}}
    assert [text for _, text in found] == ["a", "b", "c", "d", "e"]


@pytest.mark.parametrize(
    "text", [b'{"file": "abc', b'{"file": "abc"', b'{"file": "abc"}}', b'{"file" "a"}', b"{'file': 1}", b'{"a":1 2}']
)
def test_what_is_no_json_stays_none(text: bytes) -> None:
    with pytest.raises(ValueError, match="line 1"):
        scan(text)


@pytest.mark.parametrize(
    ("most", "beyond"),
    [
        (b"[" * MAX_DEPTH + b"]" * MAX_DEPTH, b"[" * (MAX_DEPTH + 1)),
        (b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH, b'{"a":' * 100_000),
        (b"[" + b"1," * (MAX_VALUES - 2) + b"1]", b"[" + b"1," * MAX_VALUES),
        (b"[" + b'"a\\",[[",' * 10_000 + b"1]", b"[" * 200_000),
    ],
)
def test_nobody_needs_more(most: bytes, beyond: bytes) -> None:
    scan(most)
    with pytest.raises(JsonTooComplex):
        scan(beyond)


def test_padding_takes_no_memory() -> None:
    scanner = JsonScanner(member_or_data(PARAMS))
    for _ in range(100):
        list(scanner.feed(b" \r\n\t" * 1_000))
    list(scanner.feed(b'{"file": "' + b"A" * 1_000_000))
    assert len(scanner.rest) < 300
