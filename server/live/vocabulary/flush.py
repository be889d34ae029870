"""Who asks for a flush, and the name by which its answer is known."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count


class Asker(StrEnum):
    """Who may ask for a flush."""

    TURNS = "turns"
    """The session's own turn detection, where a turn ended."""
    PROTOCOL = "protocol"
    """The protocol, for its client."""
    SERVER = "server"
    """The server, before it ends the session."""


@dataclass(frozen=True, slots=True)
class FlushId:
    """One flush of a session: nobody asks for two of the same number."""

    asker: Asker
    number: int


def flush_ids(asker: Asker, first: int = 0) -> Iterator[FlushId]:
    """The ids of all flushes that ``asker`` asks for in one session, from number ``first`` on."""
    return (FlushId(asker, number) for number in count(first))
