"""What the scanner finds in an answer, in the order of the text."""

from __future__ import annotations

from dataclasses import dataclass

from server.transcript.fields import Field


@dataclass(frozen=True, slots=True)
class ObjectBegin:
    """An object begins, with its brace or without."""


@dataclass(frozen=True, slots=True)
class ObjectEnd:
    """The object is over.

    Attributes:
        source: its text, as the model wrote it; None where a brace of it is missing.
    """

    source: str | None


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A field other than the content, with its value as written."""

    field: Field
    value: str


@dataclass(frozen=True, slots=True)
class ContentBegin:
    """The content begins; it may be empty."""


@dataclass(frozen=True, slots=True)
class Content:
    """More of the content begun last, escapes resolved."""

    text: str


@dataclass(frozen=True, slots=True)
class Outside:
    """Text between or behind the objects, brackets and braces left out."""

    text: str


@dataclass(frozen=True, slots=True)
class Resumed:
    """The object that is open stands behind the end of an array."""


Finding = ObjectBegin | ObjectEnd | FieldValue | ContentBegin | Content | Outside | Resumed
