"""What a transcript is: segments with a speaker and times, and the whole they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from server.transcript.logprobs import TextLogprobs, TokenLogprob
from server.transcript.probabilities import Probabilities
from server.transcript.repeats import LoopFound
from server.transcript.tags import UNINTELLIGIBLE, are_tags

__all__ = ["UNINTELLIGIBLE", "Segment", "Transcript", "Usage"]


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
        logprobs: of these tokens; None where they are not wanted.
        free: an answer in the model's own words about all of the recording, which nobody speaks.
        doubtful: nothing told whether the speaker is one of those who were numbered before. So it is then with all
            segments of that number.
        pauses: stretches within it in which nobody says a word, in order, as far as they are known.
        probabilities: of these tokens, by what each says of the text; None where they are not known.
    """

    index: int
    start: float
    end: float
    speaker: int | None
    text: str
    avg_logprob: float | None = None
    tokens: tuple[int, ...] = ()
    channel: int | None = None
    logprobs: TextLogprobs | None = None
    doubtful: bool = False
    free: bool = False
    pauses: tuple[tuple[float, float], ...] = ()
    probabilities: Probabilities | None = field(default=None, repr=False, compare=False)

    @property
    def is_speech(self) -> bool:
        """False for tags such as ``[Silence]``, ``[Music]``, ``[Noise]`` that stand for a stretch without words.

        ``[Unintelligible Speech]`` is speech: somebody said something.
        """
        return self.free or self.speaker is not None or not are_tags(self.text)

    @property
    def is_spoken(self) -> bool:
        """Somebody says it, known or not."""
        return self.is_speech and not self.free


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens a request cost: what OpenAI's ``usage`` of type ``tokens`` needs."""

    audio_tokens: int
    text_tokens: int
    answer_tokens: int

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.audio_tokens + other.audio_tokens,
            self.text_tokens + other.text_tokens,
            self.answer_tokens + other.answer_tokens,
        )


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
        loops: stretches in which the model repeated itself.
        waveform: how loud the recording is where each of as many equal parts is loudest, in dBFS; empty where nobody
            has listened to that.
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
    loops: tuple[LoopFound, ...] = ()
    waveform: tuple[int, ...] = ()

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
