"""What a transcript is: segments with a speaker and times, and the whole they make."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

_TAGS = re.compile(r"(?:\[[^\[\]]*\]\s*)+")
UNINTELLIGIBLE = "[Unintelligible Speech]"


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token of a segment's content with its log-probability, for ``include[]=logprobs``."""

    token: str
    bytes: tuple[int, ...]
    logprob: float


def seen(text: str) -> int:
    """How many characters of a text are no spaces."""
    return sum(map(len, text.split()))


@dataclass(frozen=True, slots=True)
class TextLogprobs:
    """Which tokens carry which part of a text.

    Texts are compared, cut and joined again with other spaces, so places in them are counted in what is seen.

    Attributes:
        tokens: in order.
        ends: how much of the text is seen when each is written.
    """

    tokens: tuple[TokenLogprob, ...] = ()
    ends: tuple[int, ...] = ()

    @classmethod
    def of(cls, pieces: Iterable[tuple[str, tuple[TokenLogprob, ...]]]) -> TextLogprobs:
        """Of a text that was written in pieces, each by some tokens."""
        tokens: list[TokenLogprob] = []
        ends: list[int] = []
        written = 0
        for text, carriers in pieces:
            written += seen(text)
            tokens += carriers
            ends += [written] * len(carriers)
        return cls(tuple(tokens), tuple(ends))

    def between(self, first: int, last: int) -> tuple[TokenLogprob, ...]:
        """Those that end behind ``first`` characters and not behind ``last``: all parts give all tokens, each once."""
        return self.tokens[bisect_right(self.ends, first) : bisect_right(self.ends, last)]

    def behind(self, first: int) -> TextLogprobs:
        """Those of the text without its first ``first`` characters."""
        begin = bisect_right(self.ends, first)
        return TextLogprobs(self.tokens[begin:], tuple(end - first for end in self.ends[begin:]))


@dataclass(frozen=True, slots=True)
class Segment:
    """One turn, as the model wrote it.

    Attributes:
        index: place among the answer's segments, from 0.
        start: seconds from the start of the recording.
        end: seconds, never before ``start``.
        speaker: 0, 1, ... in order of first speech; None where nobody speaks, or the model did not say who.
        text: the content, stripped, never empty.
        avg_logprob: mean log-probability of the content's tokens; None where they are not known.
        tokens: ids of the tokens that carry the content, where they are known.
        channel: of the recording, from 0, where each was transcribed for itself; None where they were mixed.
        logprobs: of these tokens, where they are wanted.
    """

    index: int
    start: float
    end: float
    speaker: int | None
    text: str
    avg_logprob: float | None = None
    tokens: tuple[int, ...] = ()
    channel: int | None = None
    logprobs: TextLogprobs = TextLogprobs()

    @property
    def is_speech(self) -> bool:
        """False for tags such as ``[Silence]``, ``[Music]``, ``[Noise]`` that stand for a stretch without words.

        ``[Unintelligible Speech]`` is speech: somebody said something.
        """
        return self.speaker is not None or self.text == UNINTELLIGIBLE or not _TAGS.fullmatch(self.text)


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a request cost: what OpenAI's ``usage`` of type ``tokens`` needs."""

    audio_tokens: int
    text_tokens: int
    answer_tokens: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """A finished answer.

    Attributes:
        segments: all of them, tags included, in the order written, channels by time.
        duration: of the audio, in seconds.
        complete: False when the answer was cut (length limit) or malformed. A segment that was open at the cut stands
            last in ``segments`` with the words that had been written.
        speaker_names: names of known speakers by number, learned from reference clips.
        channels: of the recording, where each was transcribed for itself; 1 where they were mixed.
    """

    segments: tuple[Segment, ...]
    duration: float
    complete: bool = True
    logprobs: tuple[TokenLogprob, ...] = ()
    usage: Usage | None = None
    notes: tuple[str, ...] = ()
    """Sentences about what a caller should know, e.g. that the answer was cut or damaged audio was skipped."""
    speaker_names: Mapping[int, str] = field(default_factory=dict)
    channels: int = 1

    @property
    def speech(self) -> tuple[Segment, ...]:
        return tuple(segment for segment in self.segments if segment.is_speech)

    def speech_of(self, channel: int) -> tuple[Segment, ...]:
        """The speech of one channel, with numbers of its own for speakers; all of it where channels were mixed."""
        speech = [segment for segment in self.speech if segment.channel in (channel, None)]
        places: dict[int | None, int] = {}
        return tuple(
            segment
            if segment.channel is None
            else replace(segment, speaker=places.setdefault(segment.speaker, len(places)))
            for segment in speech
        )

    @property
    def text(self) -> str:
        """The words alone: contents of the speech segments, joined by a space. Equals the streamed deltas."""
        return " ".join(segment.text for segment in self.speech)
