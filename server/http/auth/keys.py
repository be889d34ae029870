"""API keys as files and the environment have them: what is kept of each, and what each may have.

A line is a key, or what ``python -m server.http.auth.hash_key`` makes of one, and what is to be known of it::

    sha256:5e88...42d8  name=newsroom max_requests=8 max_live_sessions=2 audio_seconds_per_minute=600 priority=yes

Keys are long and random, so that a fast digest without salt is enough: nobody guesses them one by one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

HASHED: Final = "sha256:"
_DIGEST: Final = re.compile(r"[0-9a-fA-F]{64}")
_NAME: Final = re.compile(r"[\w.@-]{1,64}", re.ASCII)
_FLAGS: Final = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """What a key may have; None: no limit of its own.

    Attributes:
        max_requests: with recordings, at once.
        max_live_sessions: at once; each channel that is transcribed for itself counts.
        audio_seconds_per_minute: of recordings and live sessions.
        priority: its requests may go first.
    """

    max_requests: int | None = None
    max_live_sessions: int | None = None
    audio_seconds_per_minute: float | None = None
    priority: bool = False


NO_LIMITS: Final = KeyLimits()


@dataclass(frozen=True, slots=True)
class Key:
    """A key of which only the digest is known. ``name``: what logs call it."""

    digest: bytes
    name: str | None = None
    limits: KeyLimits = NO_LIMITS


def digest_of(key: str) -> bytes:
    """What is kept of a key."""
    return hashlib.sha256(key.encode()).digest()


def hashed(key: str) -> str:
    """A key as it may lie on a disk: one that does already stays as it is. Raises ValueError for half a digest."""
    if not key.startswith(HASHED):
        return HASHED + digest_of(key).hex()
    if not _DIGEST.fullmatch(key.removeprefix(HASHED)):
        raise ValueError(f"{HASHED} has to be followed by the 64 hexadecimal digits of a SHA-256")
    return key.lower()


def read_key(line: str, defaults: KeyLimits = NO_LIMITS) -> Key:
    """A key's line. Raises ValueError that says what is wrong with it, without the key."""
    key, *settings = line.split()
    digest = bytes.fromhex(hashed(key).removeprefix(HASHED))
    name, limits = None, defaults
    for setting in settings:
        field, equals, value = setting.partition("=")
        if field == "name":
            if not _NAME.fullmatch(value):
                raise ValueError("name: 1 to 64 letters, digits and . @ _ -")
            name = value
        elif equals and field in _READERS:
            limits = replace(limits, **{field: _read(field, value)})
        else:
            raise ValueError(f"{field[:40]!r} is none of name, {', '.join(_READERS)}, each followed by = and its value")
    return Key(digest, name, limits)


def read_keys(lines: Iterable[str], defaults: KeyLimits = NO_LIMITS) -> list[Key]:
    """The keys of a file; empty lines and those that begin with # are none. Raises ValueError that names the line."""
    keys: dict[bytes, Key] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            key = read_key(line, defaults)
            if key.digest in keys:
                raise ValueError("this key has a line already")
        except ValueError as error:
            raise ValueError(f"line {number}: {error}") from None
        keys[key.digest] = key
    return list(keys.values())


def _count(value: str) -> int | None:
    return int(value) or None if re.fullmatch(r"[0-9]{1,9}", value) else None


def _seconds(value: str) -> float | None:
    return float(value) or None if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value) else None


def _flag(value: str) -> bool | None:
    return _FLAGS.get(value.lower())


_READERS: Final = {
    "max_requests": _count,
    "max_live_sessions": _count,
    "audio_seconds_per_minute": _seconds,
    "priority": _flag,
}


def _read(field: str, value: str) -> Any:
    read = _READERS[field](value)
    if read is None:
        raise ValueError(f"{field}: {'yes or no' if field == 'priority' else 'a number above 0'}")
    return read
