"""JSON that is encoded in slices is the JSON that would be encoded at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import JSONResponse

from server.http.long_json import LongJSONResponse, encoded

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)
LENGTHS = (0, 1, 63, 64, 65, 128, 129, 1000)


@given(VALUES)
def test_the_same_as_at_once(value: object) -> None:
    assert LongJSONResponse(value).body == JSONResponse(value).body
    assert encoded(value, json.JSONEncoder()) == json.dumps(value)


@pytest.mark.parametrize("length", LENGTHS)
def test_long_lists_are_cut_and_whole_again(length: int) -> None:
    words: list[Any] = [{"word": f"Grün {place}", "start": place / 7} for place in range(length)]
    for value in (words, {"words": words, "text": "x"}, [{"words": words}, words]):
        assert LongJSONResponse(value).body == JSONResponse(value).body
        assert encoded(value, json.JSONEncoder()) == json.dumps(value)


def test_no_call_of_the_encoder_takes_a_long_answer_at_once() -> None:
    longest = 0

    class Encoder(json.JSONEncoder):
        def encode(self, o: object) -> str:
            nonlocal longest
            part = super().encode(o)
            longest = max(longest, len(part))
            return part

    words = [{"word": "x" * 10, "start": 1.25, "end": 2.5, "speaker": 1} for _ in range(10_000)]
    whole = encoded({"results": {"channels": [{"alternatives": [{"words": words}]}]}}, Encoder())
    assert longest < len(whole) / 100


def test_what_json_cannot_say_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        LongJSONResponse({"words": [float("nan")] * 100})
