"""What a transcript is: segments with a speaker and times, and the whole they make."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Segment:
    """One turn, as the model wrote it.

    Attributes:
        index: place among the answer's segments, from 0.
        start: seconds from the start of the recording.
        end: seconds, never before ``start``.
        speaker: 0, 1, ... in order of first speech; None where nobody speaks.
        text: the content, stripped.
    """

    index: int
    start: float
    end: float
    speaker: int | None
    text: str

    @property
    def is_speech(self) -> bool:
        """False for tags such as ``[Silence]``, ``[Music]``, ``[Noise]`` that stand for a stretch without words.

        ``[Unintelligible Speech]`` is speech: somebody said something.
        """
        return self.speaker is not None or not (self.text.startswith("[") and self.text.endswith("]"))


@dataclass(frozen=True, slots=True)
class TokenLogprob:
    """A token of a segment's content with its log-probability, for ``include[]=logprobs``."""

    token: str
    bytes: tuple[int, ...]
    logprob: float


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
        segments: all of them, tags included, in the order written.
        duration: of the audio, in seconds.
        complete: False when the answer was cut (length limit) or malformed; what stands in ``segments`` is still
            whole segments only.
    """

    segments: tuple[Segment, ...]
    duration: float
    complete: bool = True
    logprobs: tuple[TokenLogprob, ...] = ()
    usage: Usage | None = None
    notes: tuple[str, ...] = field(default=())
    """Sentences about what a caller should know, e.g. that the answer was cut or damaged audio was skipped."""

    @property
    def speech(self) -> tuple[Segment, ...]:
        return tuple(segment for segment in self.segments if segment.is_speech)

    @property
    def text(self) -> str:
        """The words alone: contents of the speech segments, joined by a space. Equals the streamed deltas."""
        return " ".join(segment.text for segment in self.speech if segment.text)
