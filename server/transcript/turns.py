"""Who spoke when: the speech of a transcript as turns of its speakers, gaps closed and short ones left out on wish."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from server.transcript.labels import SpeakerLabels
from server.transcript.segments import Transcript


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch in which somebody speaks.

    Attributes:
        start: seconds from the start of the recording.
        end: seconds, never before ``start``.
        speaker: the known name, or ``SPEAKER_00``, ``SPEAKER_01``, ... in order of first speech.
        number: the model's for the speaker; None where it did not say who.
        text: the words.
        channel: of the recording, from 0, where each was transcribed for itself.
        doubtful: nothing told whether the speaker is one of those who were numbered before; so it is then with all
            turns of that number.
    """

    start: float
    end: float
    speaker: str
    number: int | None
    text: str
    channel: int | None = None
    doubtful: bool = False

    @property
    def seconds(self) -> float:
        """How long it lasts, to the millisecond."""
        return round(self.end - self.start, 3)


def turns(transcript: Transcript, *, shortest: float = 0.0, longest_gap: float = 0.0) -> list[Turn]:
    """The turns by their start.

    As in diarization's own tools, gaps are closed first and short turns left out then, so that many short ones may make
    one that stays.

    Args:
        transcript: whose speech it is.
        shortest: turns that last less are left out, in seconds.
        longest_gap: turns of one speaker with less between them, in seconds, become one; 0 leaves all as they are.
    """
    labels = SpeakerLabels(transcript.speaker_names, transcript.channels)
    spoken = [
        Turn(
            segment.start,
            segment.end,
            labels.numbered(segment.speaker),
            segment.speaker,
            segment.text,
            segment.channel,
            segment.doubtful,
        )
        for segment in transcript.speech
    ]
    spoken = _joined(spoken, longest_gap) if longest_gap else spoken
    kept = (turn for turn in spoken if turn.seconds >= shortest)
    return sorted(kept, key=lambda turn: (turn.start, turn.end))


def _joined(spoken: Iterable[Turn], longest_gap: float) -> list[Turn]:
    """``spoken``, each with the next one of its speaker where little lies between them, whoever else speaks."""
    found: list[Turn] = []
    last: dict[tuple[str, int | None], int] = {}
    for turn in sorted(spoken, key=lambda turn: turn.start):
        key = turn.speaker, turn.channel
        place = last.get(key)
        if place is not None and round(turn.start - found[place].end, 3) < longest_gap:
            before = found[place]
            found[place] = replace(before, end=max(before.end, turn.end), text=f"{before.text} {turn.text}")
        else:
            last[key] = len(found)
            found.append(turn)
    return found
