"""Where the audio of a window comes from: long silences are left out of it, and old words are put in front."""

from __future__ import annotations

from bisect import bisect_right

from model.seam.audio import SAMPLE_RATE


class Timeline:
    """Seconds of a window's audio to seconds of its source, a recording or session, of which it is a row of pieces."""

    def __init__(self) -> None:
        self._starts: list[int] = []  # of the pieces, in samples of the window
        self._sources: list[int] = []  # where they start in the source
        self.samples = 0

    @property
    def seconds(self) -> float:
        """Length of the window's audio."""
        return self.samples / SAMPLE_RATE

    def add(self, source: int, samples: int) -> None:
        """The window grows by ``samples`` samples, which start at sample ``source`` of the source."""
        if not samples:
            return
        if not self._starts or self._sources[-1] + self.samples - self._starts[-1] != source:
            self._starts.append(self.samples)
            self._sources.append(source)
        self.samples += samples

    def start(self, seconds: float) -> float:
        """When in the source something starts that starts at ``seconds`` of the window."""
        return self._in_source(seconds, bisect_right(self._starts, round(seconds * SAMPLE_RATE)) - 1)

    def end(self, seconds: float) -> float:
        """As ``start``, for an end: the seam between two pieces belongs to the piece before it."""
        return self._in_source(seconds, bisect_right(self._starts, round(seconds * SAMPLE_RATE) - 1) - 1)

    def window(self, seconds: float) -> float:
        """Where in the window the source's ``seconds`` are, in its latest piece if it has them twice."""
        sample = round(seconds * SAMPLE_RATE)
        ends = [*self._starts[1:], self.samples]
        for start, end, source in reversed(list(zip(self._starts, ends, self._sources, strict=True))):
            if source <= sample:
                return min(start + sample - source, end) / SAMPLE_RATE
        return 0.0

    def _in_source(self, seconds: float, piece: int) -> float:
        if not self._starts:
            return seconds
        piece = max(piece, 0)
        return (self._sources[piece] - self._starts[piece]) / SAMPLE_RATE + seconds
