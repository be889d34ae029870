"""Reading a JSON string that is still being written, and that its writer may have quoted badly.

Both functions look at ``text`` from ``at`` on and answer None where only more text can tell.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_SIMPLE = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_UNICODE = re.compile(r"\\u([0-9a-fA-F]{4})")
_UNICODE_BEGUN = re.compile(r"\\(?:u[0-9a-fA-F]{0,3})?")
_LOW_SURROGATE = re.compile(r"\\u([dD][c-fC-F][0-9a-fA-F]{2})")
_LOW_SURROGATE_BEGUN = re.compile(r"(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?")

# What may follow the quote that ends a string inside an object: the end of the object or array, the next object, or a
# comma with one of them or the next key. _CLOSING_BEGUN matches every unfinished text of _CLOSING.
_CLOSING = re.compile(r'"\s{0,16}(?:[}\]{]|,\s{0,16}(?:[}\]{]|"[\w ]{1,24}"\s{0,4}:))')
_CLOSING_BEGUN = re.compile(r'"\s{0,16}(?:,\s{0,16}(?:"(?:[\w ]{0,24}|[\w ]{1,24}"\s{0,4}))?)?')


class Escape(NamedTuple):
    """The text an escape stands for, and the characters it took."""

    text: str
    length: int


def read_escape(text: str, at: int) -> Escape | None:
    """Resolve the escape whose backslash is ``text[at]``.

    A surrogate pair is one character, half a pair is U+FFFD, and a backslash that begins no escape is itself.
    """
    simple = _SIMPLE.get(text[at + 1 : at + 2])
    if simple is not None:
        return Escape(simple, 2)
    found = _UNICODE.match(text, at)
    if found is None:
        return None if _UNICODE_BEGUN.fullmatch(text, at) else Escape("\\", 1)
    code = int(found[1], 16)
    if not 0xD800 <= code < 0xE000:
        return Escape(chr(code), 6)
    if code < 0xDC00:
        low = _LOW_SURROGATE.match(text, at + 6)
        if low is not None:
            return Escape(chr(0x10000 + ((code - 0xD800) << 10) + int(low[1], 16) - 0xDC00), 12)
        if _LOW_SURROGATE_BEGUN.fullmatch(text, at + 6):
            return None
    return Escape("\ufffd", 6)


def closes_string(text: str, at: int) -> bool | None:
    """Whether the quote at ``text[at]`` ends its string, or is a quotation mark somebody forgot to escape."""
    if _CLOSING.match(text, at):
        return True
    return None if _CLOSING_BEGUN.fullmatch(text, at) else False
