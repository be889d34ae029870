"""What a step costs beside the arithmetic: launches, waits of the host and where, copies, replays, bytes."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """``launches``: operations on the device, a replay of a graph being one. ``waits``: by reason and place."""

    launches: int = 0
    replays: int = 0
    uploads: int = 0
    compiled: Counter[str] = field(default_factory=Counter)
    waits: Counter[str] = field(default_factory=Counter)
    by_stream: Counter[int] = field(default_factory=Counter)

    def waited(self, why: str, where: str) -> None:
        self.waits[f"{why} at {where}"] += 1

    def since(self, before: Counts) -> Counts:
        return Counts(
            self.launches - before.launches,
            self.replays - before.replays,
            self.uploads - before.uploads,
            self.compiled - before.compiled,
            self.waits - before.waits,
            self.by_stream - before.by_stream,
        )

    def copy(self) -> Counts:
        return Counts(
            self.launches, self.replays, self.uploads, self.compiled.copy(), self.waits.copy(), self.by_stream.copy()
        )
