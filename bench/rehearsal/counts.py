"""What a step costs beside the arithmetic: launches, waits of the host and where, copies, replays, bytes."""

from __future__ import annotations

from collections import Counter
from copy import copy
from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Counts:
    """``launches``: operations on the device, a replay of a graph being one. ``uploads``: copies to the card.

    ``compiled``: Triton kernels made anew. ``unshared``: calls of an attention kernel that read every key once for each
    query head. ``waits``: of the host, by reason and place. ``by_stream``: launches.
    """

    launches: int = 0
    replays: int = 0
    uploads: int = 0
    compiled: Counter[str] = field(default_factory=Counter)
    unshared: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    by_stream: Counter[int] = field(default_factory=Counter)

    def waited(self, why: str, where: str) -> None:
        self.waits[f"{why} at {where}"] += 1

    def since(self, before: Counts) -> Counts:
        """What was counted after ``before``, a copy made then."""
        return Counts(*(getattr(self, each.name) - getattr(before, each.name) for each in fields(self)))

    def copy(self) -> Counts:
        return Counts(*(copy(getattr(self, each.name)) for each in fields(self)))
