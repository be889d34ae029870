"""What an earlier attempt at a recording told, for a later one that is to tell the rest and the same of the whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from server.transcript.channels import channels_of
from server.transcript.repeats import LoopFound
from server.transcript.segments import Segment, Usage

_NOTHING = Usage(0, 0, 0)


@dataclass(frozen=True, slots=True)
class Answered:
    """What an answer had said when the last segment was told: it is not written again, and nothing else follows it.

    Attributes:
        tokens: up to the segment's end, without what the answer was made to begin with.
        segments: of which they are the last one's end, all that it was made to begin with among them.
    """

    tokens: tuple[int, ...] = ()
    segments: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """Where the transcription of a recording, or a channel of it, stands beside its segments. Seconds of the sound.

    Attributes:
        channel: of the recording, where each is transcribed for itself.
        start: where the window begins that is heard now; None where it goes on behind the last segment.
        told: segments that were told before that window.
        windows: that are over.
        usage: what they cost.
        notes: about them.
        loops: in which answers ran in circles, of the window that is heard now those in front of what is not told.
        complete: nothing was cut.
        answered: of the answer that is read now.
        longest: of the window that is heard now, where it is shorter than windows are.
    """

    channel: int | None = None
    start: float | None = None
    told: int = 0
    windows: int = 0
    usage: Usage = _NOTHING
    notes: tuple[str, ...] = ()
    loops: tuple[LoopFound, ...] = ()
    complete: bool = True
    answered: Answered = Answered()
    longest: float | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """Attributes:
    segments: that were told, from the first one on.
    standings: as they were when the last of them was told, by channel.
    """

    segments: tuple[Segment, ...] = ()
    standings: Mapping[int | None, Standing] = field(default_factory=dict)

    @classmethod
    def of(cls, segments: Iterable[Segment], standings: Iterable[Standing] = ()) -> Begun:
        """These."""
        return cls(tuple(segments), {standing.channel: standing for standing in standings})

    @property
    def standing(self) -> Standing:
        """Of all of it, or of the one channel that this is about."""
        return self.standings.get(None, Standing())

    def channels(self, count: int) -> dict[int, Begun]:
        """What was told of each of so many channels, where nobody is known: with numbers that count its speakers."""
        return {
            channel: Begun.of(segments, [replace(self.standings.get(channel, Standing()), channel=None)])
            for channel, segments in channels_of(self.segments, count).items()
        }


def so_far(loops: Iterable[LoopFound], until: float) -> tuple[LoopFound, ...]:
    """Those in front of what is not told."""
    return tuple(loop for loop in loops if loop.start < until)
