"""Deepgram's parameters one by one: what their values mean, and which of them are refused.

Everything else in a query is ignored: what is about the service's accounts and models (``tag`` aside, which the answer
repeats), what the model does by itself (``filler_words``: it writes what it hears), and what does not exist yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import BeforeValidator, Field

from server.audio_in.encodings import CodedEncoding, Encoding, PcmEncoding

ENCODINGS: Mapping[str, Encoding | None] = {
    "linear16": PcmEncoding.LINEAR16,
    "linear32": PcmEncoding.FLOAT32,
    "mulaw": PcmEncoding.MULAW,
    "alaw": PcmEncoding.ALAW,
    "amr-nb": CodedEncoding.AMR_NB,
    "amr-wb": CodedEncoding.AMR_WB,
    "g729": CodedEncoding.G729,
    "opus": CodedEncoding.OPUS,
    "speex": CodedEncoding.SPEEX,
    "flac": None,
    "ogg-opus": None,
}
"""None: a container, which says by itself what is in it."""
LISTS = frozenset({"keyterm", "keywords", "replace", "search", "extra", "tag"})
"""Those that may be given more than once."""

MAX_REPLACED = 200
"""Terms. More would do for a dictionary; Deepgram suggests no more."""
MAX_SEARCHED = 25

_NO_ANALYSIS = "the server transcribes and does not analyse what was said; ask a language model about the transcript"
REFUSED = {
    "callback": "the answer is given in the response, and nowhere else",
    "redact": "nothing can be left out of the transcript",
    "dictation": "spoken punctuation is not turned into marks; the model punctuates by itself",
    "translate": "the transcript is in the language that is spoken",
    "summarize": _NO_ANALYSIS,
    "topics": _NO_ANALYSIS,
    "sentiment": _NO_ANALYSIS,
    "intents": _NO_ANALYSIS,
    "detect_entities": _NO_ANALYSIS,
}
"""Parameters whose result would be missed if they were ignored, and why they cannot be honoured."""


def _flag(value: str | bool) -> bool:
    """Deepgram knows these two words, and clients write them as their language does."""
    named = {"true": True, "false": False}
    if isinstance(value, bool):
        return value
    if value.lower() not in named:
        raise ValueError("must be true or false")
    return named[value.lower()]


def _encoding(value: str) -> Encoding | None:
    if value.lower() not in ENCODINGS:
        raise ValueError(f"possible are {', '.join(ENCODINGS)}; for other containers leave it out")
    return ENCODINGS[value.lower()]


def _endpointing(value: str) -> object:
    """Milliseconds, or None where it is switched off."""
    return {"true": 0, "false": None}.get(value.lower(), value)


def _switch(value: str) -> str | bool:
    """Any value that is named, a version of a model or a language, switches it on."""
    return value.lower() != "false"


def _pair(value: object) -> tuple[str, str]:
    """``FIND:REPLACEMENT``, or a name and a value."""
    first, colon, second = str(value).partition(":")
    if not colon or not first.strip():
        raise ValueError("must be two parts with a colon between them")
    return first.strip(), second.strip()


Flag = Annotated[bool, BeforeValidator(_flag)]
Switch = Annotated[bool, BeforeValidator(_switch)]
EncodingName = Annotated[Encoding | None, BeforeValidator(_encoding)]
Endpointing = Annotated[Annotated[int, Field(ge=0, le=60_000)] | None, BeforeValidator(_endpointing)]
Pair = Annotated[tuple[str, str], BeforeValidator(_pair)]
