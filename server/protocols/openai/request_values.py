"""The parameters of a request as people and libraries write them → plain values, the same from a form and from JSON.

An empty value is none. A list may be written in every way in which HTTP clients write lists: as a repeated name, with
brackets, as JSON, in one text. What the values mean, the models that use the types below say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, JsonValue
from pydantic_core import from_json

_BRACKETED: Final = re.compile(r"(?P<name>\w+)\[(?P<inner>\w*)\]")
_WORD: Final = re.compile(r"[^\s,;|\[\]\"'()]+")
_PHRASE_ENDS: Final = re.compile(r"[,;\n\r，、；]")
NOTHING: Final = frozenset({"null", "none", "undefined"})
"""What an absent value becomes in a form where a client writes it as text."""


def _words(value: Any) -> Any:
    return [word for text in _texts(value) for word in _WORD.findall(text)] if _is_list(value) else value


def _phrases(value: Any) -> Any:
    if isinstance(value, str) and _json_list(value) is None:
        value = _PHRASE_ENDS.split(value)
    return _names(value)


def _names(value: Any) -> Any:
    return [text.strip() for text in _texts(value) if text.strip()] if _is_list(value) else value


def lowered(value: Any) -> Any:
    """Names of formats and the like count in any case."""
    return value.strip().lower() if isinstance(value, str) else value


def _maybe(value: Any) -> Any:
    value = lowered(value)
    return None if value == "" else value


Flag = Annotated[bool, BeforeValidator(lowered)]
"""``true``, ``True``, ``1``, ``on``, ``yes`` and their opposites."""
MaybeFlag = Annotated[bool | None, BeforeValidator(_maybe)]
"""The same, or nothing."""
Words = BeforeValidator(_words)
"""A list of words without spaces. Also in one text: ``a,b``, ``a b``, ``["a", "b"]``, ``['a', 'b']``."""
Phrases = Annotated[tuple[str, ...], BeforeValidator(_phrases)]
"""A list of phrases. One text is cut at commas, semicolons and line ends; in a list each is taken as it is."""
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
"""A list of which nothing is ever cut: names of people, recordings."""


def values_of_form(
    fields: Iterable[tuple[str, str]], *, lists: Collection[str], texts: Collection[str], choices: Collection[str]
) -> dict[str, Any]:
    """Parameters from form fields in any order.

    ``name[]=a``, ``name[0]=a`` and a repeated ``name=a`` make a list, ``name=a`` alone is a text (which may stand for a
    list), ``name[key]=a`` fills an object. Of a repeated value that is no list the last one counts.

    Args:
        fields: names and values.
        lists: the parameters that are lists.
        texts: those that may be any text: there ``null`` and ``undefined`` are words.
        choices: those of which ``none`` is a value, as it stands; ``None`` is what Python makes of an absent one.
    """
    values: dict[str, Any] = {}
    for key, value in fields:
        name, inner = _name_of(key)
        chosen = name in texts or (name in choices and value.strip() == "none")
        if _is_empty(value) or (not chosen and value.strip().lower() in NOTHING):
            continue
        if name in lists:
            before = values.get(name)
            in_brackets = name != key
            if before is None:
                values[name] = [value] if in_brackets else value
            else:
                values[name] = [*([before] if isinstance(before, str) else before), value]
        elif inner and not inner.isdecimal():
            nested = values.get(name)
            values[name] = (nested if isinstance(nested, dict) else {}) | {inner: value}
        else:
            values[name] = value
    return values


def values_of_json(values: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Parameters from a JSON object; names may have the brackets that they have in a form."""
    return {_name_of(key)[0]: value for key, value in values.items() if not _is_empty(value)}


def parameter_of(name: str) -> str:
    """The parameter that a form field of this name is of: ``keywords[]`` is one of the ``keywords``."""
    return _name_of(name)[0]


def object_in(value: Any) -> Any:
    """An object that is written as a text. Raises ValueError where it is no JSON."""
    return from_json(value) if isinstance(value, str) and value.lstrip().startswith("{") else value


def _name_of(key: str) -> tuple[str, str]:
    """The name, and what stands in brackets behind it."""
    match = _BRACKETED.fullmatch(key.strip())
    return (match["name"], match["inner"]) if match else (key.strip(), "")


def _is_empty(value: JsonValue) -> bool:
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, list):
        return all(map(_is_empty, value))
    return value is None or value == {}


def _is_list(value: Any) -> bool:
    return isinstance(value, str | list)


def _texts(value: str | list[Any]) -> Iterable[Any]:
    """The elements of a list in whichever form; numbers as they are written. Others are for pydantic to refuse."""
    for element in [value] if isinstance(value, str) else value:
        written = _json_list(element) if isinstance(element, str) else None
        for text in [element] if written is None else written:
            if isinstance(text, str):
                yield text
            elif isinstance(text, int | float) and not isinstance(text, bool):
                yield str(text)
            elif text is not None:
                raise ValueError("the elements of the list must be texts")


def _json_list(text: str) -> list[Any] | None:
    """``["a", "b"]`` as a list."""
    stripped = text.strip()
    if not (stripped.startswith("[") and stripped.endswith("]")):
        return None
    try:
        value = from_json(stripped)
    except ValueError:
        return None
    return value if isinstance(value, list) else None
