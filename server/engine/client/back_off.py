"""How long after a worker's death the next one is started."""

from __future__ import annotations

from server.engine.settings import EngineSettings


class BackOff:
    """Doubles with each death, up to a limit; begins anew where the last worker lived for longer than that, or where
    what killed it is found: the next one will not meet it."""

    def __init__(self, settings: EngineSettings) -> None:
        self._settings = settings
        self._in_a_row = 0

    def after(self, lived: float | None, *, found: bool) -> float:
        """Seconds to wait. ``lived``: that a worker was ready, None for one that never was. ``found``: the cause."""
        longest = self._settings.restart_delay_max
        if found or (lived is not None and lived > longest):
            self._in_a_row = 0
        delay: float = self._settings.restart_delay * 2**self._in_a_row
        self._in_a_row += 0 < delay < longest
        return min(delay, longest)
